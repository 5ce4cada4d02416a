"""Finds the class or function of a project that fits a state dict, by the shapes of its layers."""
