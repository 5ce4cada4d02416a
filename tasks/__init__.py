"""The steps of dev.py. Each module prepares one thing, and does nothing when it is complete."""
