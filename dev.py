#!/usr/bin/env python3
"""The command for people and CI: demo, test, bench, build, package, doctor, edit, shots.

Needs Python 3.10 to 3.13, a C++ compiler and access to the package registries. Skips every step that is complete.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from tasks import environment  # noqa: E402  (the tasks are found beside this file)
from tasks.console import StepFailed, report_failure  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text, with_rest) in COMMANDS.items():
        commands.add_parser(name, help=text, description=text, add_help=not with_rest)
    chosen, further = parser.parse_known_args(arguments)
    run, _, with_rest = COMMANDS[chosen.command]
    if further and not with_rest:
        parser.error(f"{chosen.command} accepts no further words: {' '.join(further)}")
    try:
        if chosen.command != "doctor":
            environment.ensure()
            environment.enter([str(Path(__file__).resolve()), *arguments])
        return run(further)
    except StepFailed as error:
        return report_failure(error)
    except KeyboardInterrupt:
        return 130


# Each command imports its step when it runs: before the environment exists there is only the standard library.


def demo(_: list[str]) -> int:
    from tasks import demo as task

    return task.run_demo()


def test(rest: list[str]) -> int:
    from tasks import testing as task

    return task.run_tests(rest)


def lint(_: list[str]) -> int:
    from tasks import testing as task

    task.lint()
    return 0


def bench(rest: list[str]) -> int:
    from tasks import bench as task

    return task.run_benchmarks(rest)


def build(rest: list[str]) -> int:
    from tasks.cross import build as task

    return task.run_build(rest)


def package(rest: list[str]) -> int:
    from tasks import package as task

    return task.run_package(rest)


def doctor(_: list[str]) -> int:
    from tasks import doctor as task

    return task.run_doctor()


def edit(rest: list[str]) -> int:
    from tasks import project

    program, environment_of_editor = project.editor_command()
    words = [str(program), "--editor", "--path", str(project.SAMPLE), *rest]
    os.execve(program, words, {**os.environ, **environment_of_editor})


def shots(rest: list[str]) -> int:
    from tasks import pictures as task

    return task.take_pictures(rest)


COMMANDS: dict[str, tuple[Callable[[list[str]], int], str, bool]] = {
    "demo": (demo, "import the sample project's models and run them in Godot", False),
    "test": (test, "run linters and all tests; further words go to pytest", True),
    "lint": (lint, "run formatters in check mode, linters and types, without any test", False),
    "bench": (bench, "measure against raw C++ and other runtimes; --json FILE keeps the numbers", True),
    "build": (
        build,
        "make the environment, fetch Godot, build native/, link the sample; --target: others",
        True,
    ),
    "package": (package, "make dist/godot-executorch-VERSION*.zip with every target that was built, or --target", True),
    "doctor": (doctor, "show what is installed, what is missing, and the command that installs it", False),
    "edit": (edit, "open the sample project in the editor", True),
    "shots": (shots, "take the pictures of docs/images in a real editor", True),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
