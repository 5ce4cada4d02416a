"""`python3 /path/to/python_backend/__main__.py COMMAND`, or `python3 -m python_backend COMMAND` from its own folder.

Needs nothing but the standard library until a command needs more. An interpreter too old for the other files must get
as far as to say so: Python 3.6 can read this one.
"""

import sys

if __name__ == "__main__":
    # Before any other import: the working folder (with `-m`) or this one (by its path) comes first in the path, and a
    # game's own `json.py` there must not be taken for Python's.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    import os

    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120

    try:
        from importer.utf8_mode import restart_in_utf8_mode
    except ImportError:  # an addon that is not whole, which is told below
        pass
    else:
        restart_in_utf8_mode()

import argparse

from python_backend import wrong_python


def main(arguments: "list[str]", name: str = "python3 -m python_backend") -> int:
    """Run a command; the exit status. name: what it is called by."""
    if sys.version_info < wrong_python.OLDEST:
        return wrong_python.tell_editor(wrong_python.problem())
    try:
        from importer.cli.output import Parser
    except ImportError:  # an addon that is not whole
        parser = argparse.ArgumentParser(prog=name, description="Conversions for the editor, and tools.")
    else:
        parser = Parser(prog=name, description="Conversions for the editor, and tools.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="used by the editor: connects to it and serves it until it closes")
    serve.add_argument("--jobs", type=int, default=2, help="conversions at once (default: 2)")
    serve.add_argument("--cold", action="store_true", help="keep no warm process: saves 440 MB, costs 9 s a job")
    doctor = commands.add_parser("doctor", help="show what is found, what is missing, and the command that repairs it")
    doctor.add_argument("--json", action="store_true", help="print the checks as JSON")
    # These three read their own arguments.
    commands.add_parser("setup", help="make a Python environment that converts models", add_help=False)
    commands.add_parser("profile", help="measure a program's time and memory", add_help=False)
    if arguments[:1] == ["setup"]:
        from python_backend import environment_setup

        return environment_setup.main(arguments[1:])
    commands.add_parser("mcp", help="a Model Context Protocol server for one project", add_help=False)
    if arguments[:1] == ["mcp"]:
        from python_backend.mcp_server import command as mcp_command

        return mcp_command.main(arguments[1:], f"{name} mcp")
    if arguments[:1] == ["profile"]:
        from python_backend.profiling import command

        return command.main(arguments[1:], f"{name} profile")
    known = parser.parse_args(arguments)
    if known.command == "serve":
        return _serve(known.jobs, known.cold)
    from importer.cli.output import status_of

    return status_of(lambda: _doctor(known.json), known.json)


def _serve(at_once: int, cold: bool) -> int:
    from importlib.util import find_spec

    if find_spec("importer") is None:
        return wrong_python.tell_editor(wrong_python.importer_missing())
    from importer.jobs.process_tree import end_own_children
    from importer.jobs.starting import starter
    from python_backend.environment import NICENESS
    from python_backend.session import serve

    try:
        return serve(at_once, starter(cold, NICENESS))
    except KeyboardInterrupt:
        return 130
    finally:
        end_own_children()


def _doctor(as_json: bool) -> int:
    from importer.cli.output import print_json
    from python_backend import environment

    checks = environment.doctor()
    if as_json:
        print_json("doctor", {"checks": [check.data() for check in checks]})
    else:
        for check in checks:
            print(f"{'ok     ' if check.ok else 'MISSING'}  {check.name}: {check.found}")
            if check.remedy:
                print(f"         {check.remedy}")
    return 0 if all(check.ok for check in checks) else 5


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
