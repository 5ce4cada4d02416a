"""Readers of programs: `.pte`, XNNPACK delegates, event dumps; their metadata. No torch."""
