"""Confines a process that reads a foreign model file: it can compute, read the files that it was given, and write one
folder.

policy       what a process may reach
confine      enters the sandbox, by the first way that this kernel has
landlock     Linux 5.13 and newer
namespaces   Linux without Landlock
seccomp      the system calls that are refused, with both
macos        the profile for sandbox-exec
"""
