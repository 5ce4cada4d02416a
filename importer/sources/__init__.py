"""Reads model files: their kind, checks before loading, and the modules or programs inside."""
