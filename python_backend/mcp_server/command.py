"""`python3 -m python_backend mcp`."""

from __future__ import annotations

import argparse
from pathlib import Path

from importer.cli.output import Parser, print_error, status_of
from importer.errors import ImporterError
from importer.jobs.process_tree import end_own_children
from python_backend import environment


def main(arguments: list[str], name: str = "python3 -m python_backend mcp") -> int:
    """The command line; an exit status. name: what it is called by."""
    parser = Parser(prog=name, description="A Model Context Protocol server for one Godot project.")
    words = "the project's folder (default: here)"
    parser.add_argument("--project", type=Path, default=Path(), metavar="FOLDER", help=words)
    parser.add_argument("--http", type=int, metavar="PORT", help="HTTP on 127.0.0.1; 0: any port (default: stdio)")
    parser.add_argument("--allow-write", action="store_true", help="let tools write into the project")
    known = parser.parse_args(arguments)
    try:
        return status_of(lambda: _serve(known), False)
    finally:
        end_own_children()


def _serve(known: argparse.Namespace) -> int:
    problems = environment.problems("the MCP server")
    for problem in problems:
        print_error(ImporterError(problem.code, problem.cause, problem.remedy), False)
    if problems:
        return 5
    from python_backend.mcp_server import server

    if known.http is None:
        server.serve_stdio(known.project, known.allow_write)
        return 0
    try:
        server.serve_http(known.project, known.allow_write, known.http)
    except (OSError, OverflowError) as error:  # the second for numbers that are not ports
        raise ImporterError("PORT_NOT_AVAILABLE", str(error), "Give another port, or 0 for any.") from error
    return 0
