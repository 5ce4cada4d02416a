"""Builds for other systems: targets, their SDKs, compilers, and the file that tells Godot which libraries there are."""
