"""Recorded calls (cases.json) and the tables that both languages must count from them (expected.json)."""
