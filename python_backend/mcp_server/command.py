"""`python3 -m python_backend mcp`."""

from __future__ import annotations

import sys
from pathlib import Path

from importer.cli.output import Parser
from importer.errors import ImporterError
from python_backend import environment


def main(arguments: list[str], name: str = "python3 -m python_backend mcp") -> int:
    """The command line; an exit status. name: what it is called by."""
    parser = Parser(prog=name, description="A Model Context Protocol server for one Godot project.")
    words = "the project's folder (default: here)"
    parser.add_argument("--project", type=Path, default=Path(), metavar="FOLDER", help=words)
    parser.add_argument("--http", type=int, metavar="PORT", help="HTTP on 127.0.0.1; 0: any port (default: stdio)")
    parser.add_argument("--allow-write", action="store_true", help="let tools write into the project")
    known = parser.parse_args(arguments)
    problems = environment.problems("the MCP server")
    if problems:
        for problem in problems:
            print(f"{problem.code}: {problem.cause}\n{problem.remedy}", file=sys.stderr)
        return 1
    from importer.jobs.process_tree import end_own_children
    from python_backend.mcp_server import server

    try:
        if known.http is None:
            server.serve_stdio(known.project, known.allow_write)
        else:
            server.serve_http(known.project, known.allow_write, known.http)
    except ImporterError as error:
        print(f"{error.code}: {error.cause}\n{error.remedy}", file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:  # the second for numbers that are not ports
        print(f"PORT_NOT_AVAILABLE: {error}\nGive another port, or 0 for any.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        end_own_children()
    return 0
