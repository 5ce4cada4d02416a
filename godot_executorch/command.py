"""The command `godot-executorch`: the importer's and the backend's commands under one name."""

from __future__ import annotations

import sys

from godot_executorch import __version__
from importer.cli.output import did_you_mean, print_error
from importer.errors import ImporterError
from importer.utf8_mode import restart_in_utf8_mode

_NAME = "godot-executorch"
_IMPORTER = {
    "convert": "convert model files, and evaluate them on your data",
    "inspect": "show what a .pte contains, in milliseconds and without torch",
    "compare": "compare results, size, speed and a metric of two programs",
    "evaluate": "a metric of programs on your own labelled data",
    "sweep": "convert with every recipe: size, speed and accuracy side by side",
    "tokenizer": "turn a file of SentencePiece or tiktoken into a tokenizer.json",
    "cache": "the artifact cache, and the keys that sign it",
    "approve": "let a factory's code run on this machine without a sandbox",
}
_BACKEND = {
    "profile": "measure a program's time and memory",
    "mcp": "serve one Godot project by the Model Context Protocol",
    "doctor": "show what is installed, what is missing, and the command that installs it",
}
_STATUS = """Exit status: 0 success, 2 invalid arguments, 3 a condition or the accuracy failed, 4 a model was refused,
5 the environment failed."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    if arguments is None:
        restart_in_utf8_mode()
    given = sys.argv[1:] if arguments is None else arguments
    command = given[0] if given else "--help"
    if command in _IMPORTER:
        from importer.__main__ import main as run_importer

        return run_importer(given, _NAME)
    if command in _BACKEND:
        from python_backend.__main__ import main as run_backend

        return run_backend(given, _NAME)
    if command == "--version":
        print(f"godot-executorch {__version__}")
        return 0
    if command in ("--help", "-h"):
        print(_help())
        return 0
    cause = f"There is no command '{command}'.{did_you_mean(command, {**_IMPORTER, **_BACKEND})}"
    if "--json" in given:
        print_error(ImporterError("OPTION_INVALID", cause, f"There are: {', '.join({**_IMPORTER, **_BACKEND})}."), True)
    else:
        print(f"{cause}\n\n{_help()}", file=sys.stderr)
    return 2


def _help() -> str:
    rows = [f"  {name:<9}  {words}" for name, words in {**_IMPORTER, **_BACKEND}.items()]
    head = "usage: godot-executorch COMMAND ...\n\nFrom PyTorch to ExecuTorch programs, with or without a game.\n"
    return "\n".join([head, *rows, "\nEvery command has --help.", _STATUS])
