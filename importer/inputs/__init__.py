"""Inputs of a model: declared by a person, made up, or read from calibration data."""
