"""Runs a written program in a child process and compares it with eager PyTorch."""
