"""Where a program's time and memory go: latency, operators, memory; the same tables for people, files and CI."""
