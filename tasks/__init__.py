"""The steps behind dev.py: each module makes one thing ready and does nothing when it already is."""
