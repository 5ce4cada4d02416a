"""Passes over edge graphs, before the backends take their parts."""
