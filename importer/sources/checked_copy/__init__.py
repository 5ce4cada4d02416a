"""Checked copies of programs and scripts, so that torch opens only checked contents."""
