"""The process that the editor talks to: RPC, jobs, watching files, environment checks, profiling, MCP.

Importing this package costs nothing but the standard library.
"""

PROTOCOL = 1
"""Version of the RPC that `hello` announces (docs/architecture.md)."""
