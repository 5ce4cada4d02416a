"""The search for the smallest or fastest program whose metric is still good enough.

target      what a person asks for
candidates  which recipes and float layers are tried next, and the best that was found; no torch
run         converts the candidates with a scheduler, for a limited time
"""
