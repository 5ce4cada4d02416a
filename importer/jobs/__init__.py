"""A task in a child process with a deadline, a memory limit, progress and a way to stop it.

supervisor      starts one child, follows it and ends it: what everything else here is for
starting        the two ways of starting a child: spawned, or forked from a warm parent
warm_parent     the second way, on Linux; warm_server: the process that is forked
start           what a new process runs; child: what a child does there; warm: what the warm parent prepares
messages        what parent and child say to each other: JSON with a length before it, never a pickle
conversion      the task that converts a file
posix           all that only POSIX systems know
"""
