"""`python3 -m python_backend COMMAND`. Needs nothing but the standard library until a command needs more."""

# An interpreter too old for the other files must get as far as to say so: Python 3.6 can read this one.
import sys
from pathlib import Path

# `-m` puts the working folder first in the path; a game's own `json.py` there must not be taken for Python's.
_ROOT = str(Path(__file__).resolve().parent.parent)
if sys.path and sys.path[0] in ("", str(Path.cwd())) and sys.path[0] != _ROOT:
    del sys.path[0]

import argparse  # noqa: E402

from python_backend import wrong_python  # noqa: E402


def main(arguments: "list[str]") -> int:
    """Run a command; the exit status."""
    if sys.version_info < wrong_python.OLDEST:
        return wrong_python.tell_editor()
    parser = argparse.ArgumentParser(prog="python3 -m python_backend", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="what the editor starts: connects back to it and serves until it closes")
    serve.add_argument("--jobs", type=int, default=2, help="conversions at once (default: 2)")
    serve.add_argument("--cold", action="store_true", help="keep no warm process: saves 440 MB, costs 9 s a job")
    doctor = commands.add_parser("doctor", help="what is found, what is missing, and the command that mends it")
    doctor.add_argument("--json", action="store_true")
    # These three read their own arguments.
    commands.add_parser("setup", help="make a Python environment that converts models", add_help=False)
    commands.add_parser("profile", help="measure a program's time and memory", add_help=False)
    if arguments[:1] == ["setup"]:
        from python_backend import environment_setup

        return environment_setup.main(arguments[1:])
    commands.add_parser("mcp", help="a Model Context Protocol server for one project", add_help=False)
    if arguments[:1] == ["mcp"]:
        from python_backend.mcp_server import command as mcp_command

        return mcp_command.main(arguments[1:])
    if arguments[:1] == ["profile"]:
        from python_backend.profiling import command

        return command.main(arguments[1:])
    known = parser.parse_args(arguments)
    if known.command == "serve":
        return _serve(known.jobs, known.cold)
    return _doctor(known.json)


def _serve(at_once: int, cold: bool) -> int:
    from python_backend.process_tree import end_own_children
    from python_backend.session import serve
    from python_backend.warm_parent import cold_parent, warm_parent

    try:
        return serve(at_once, cold_parent if cold else warm_parent)
    except KeyboardInterrupt:
        return 130
    finally:
        end_own_children()


def _doctor(as_json: bool) -> int:
    import json

    from python_backend import environment

    checks = environment.doctor()
    if as_json:
        print(json.dumps([check.data() for check in checks]))
    else:
        for check in checks:
            print(f"{'ok     ' if check.ok else 'MISSING'}  {check.name}: {check.found}")
            if check.remedy:
                print(f"         {check.remedy}")
    return 0 if all(check.ok for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
