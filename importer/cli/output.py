"""The output of the command line: for people, for pipes, and as JSON. Standard library and rich."""

from __future__ import annotations

import argparse
import difflib
import errno
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from importer.atomic_files import write_atomically
from importer.errors import ImporterError, exit_status, from_exception

SCHEMA_VERSION = 1
_ELSEWHERE = {"--name": "A program has the name of its file: write -o NAME.pte, or name it in models.toml."}
_MOST_LOG_LINES = 30
_PIPE_WIDTH = 4096


def console(to_errors: bool = False) -> Any:
    """A rich console. In a pipe lines are as long as they are: nothing is cut or wrapped there."""
    from rich.console import Console

    stream = sys.stderr if to_errors else sys.stdout
    return Console(stderr=to_errors, width=None if stream.isatty() else _PIPE_WIDTH)


def table(title: str, *columns: str, words: int = 1) -> Any:
    """A table in the style of all commands. words: how many columns have words, on the left; the others numbers."""
    from rich.box import SIMPLE
    from rich.markup import escape
    from rich.table import Table

    found = Table(title=escape(title) or None, title_justify="left", box=SIMPLE)
    for index, name in enumerate(columns):
        found.add_column(escape(name), justify="left" if index < words else "right", overflow="fold")
    return found


def judged(
    command: str,
    found: dict[str, Any],
    broken: list[str],
    chosen: argparse.Namespace,
    show: Callable[[dict[str, Any]], None],
) -> int:
    """Print a result and the conditions of --fail-if that hold, as `--json` and `--quiet` want it. Returns the exit
    status: 3 when a condition holds."""
    if chosen.json:
        print_json(command, {**found, "broken": broken})
    else:
        if not chosen.quiet:
            show(found)
        for text in broken:
            print(text, file=sys.stderr)
    return 3 if broken else 0


def in_flags(text: str) -> str:
    """A text that names import options with the command line's words for them."""
    return re.sub(r"\b(?:[Tt]he )?(?:import )?[Oo]ption '(\w+)'", lambda found: "--" + found[1].replace("_", "-"), text)


def error_text(error: ImporterError) -> str:
    """Cause, remedy and the end of the log, for a terminal."""
    return f"{error.cause}\n  {error.remedy}{log_text(error.log)}"


def log_text(log: str) -> str:
    """The end of a log, indented; empty when there is none."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    if not lines:
        return ""
    left_out = len(lines) - _MOST_LOG_LINES
    head = f"the last {_MOST_LOG_LINES} of {len(lines)} lines, --json has all" if left_out > 0 else "all of it"
    return "\n".join(["", f"  The log ({head}):", *(f"    {line}" for line in lines[-_MOST_LOG_LINES:])])


def error_data(error: ImporterError) -> dict[str, Any]:
    """An error in the form that --json has for it."""
    return error.data()


def print_json(kind: str, body: dict[str, Any]) -> None:
    """What `--json` prints. `schema` names its form, importer/cli/schemas/KIND.json: its number rises when a field goes
    or changes its meaning."""
    print(json.dumps({"schema": f"{kind}-{SCHEMA_VERSION}", **body}, indent=1))


def status_of(command: Callable[[], int], as_json: bool) -> int:
    """Runs a command and returns its exit status; prints the error that ends it."""
    try:
        return command()
    except (ImporterError, ImportError) as caught:
        error = from_exception(caught)
        print_error(error, as_json)
        return exit_status(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def print_error(error: ImporterError, as_json: bool) -> None:
    """An error that ends a command: JSON on standard output, or text on standard error."""
    error.cause, error.remedy = in_flags(error.cause), in_flags(error.remedy)
    if as_json:
        print_json("error", {"error": error_data(error)})
    else:
        print(f"error {error.code}: {error_text(error)}", file=sys.stderr)


def check_report(path: Path) -> None:
    """Make the folder of a report, before the work that it reports. Raises REPORT_NOT_WRITTEN."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "it is a folder, or its folder is not writable")
    except OSError as error:
        raise _not_written(path, error) from error


def write_report(path: Path, content: bytes) -> None:
    """Write a picture or a page that a person asked for. Raises REPORT_NOT_WRITTEN."""
    try:
        write_atomically(path, content, flushed=True)
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> ImporterError:
    cause = f"{path} cannot be written: {error.strerror or error}."
    return ImporterError("REPORT_NOT_WRITTEN", cause, "Choose another file.", "store")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the nearest of the known words; empty when none is near."""
    names = list(known)
    near = difflib.get_close_matches(word, names, 1) or [other for other in names if word and word in other]
    return f" Did you mean {near[0]}?" if near else ""


class Parser(argparse.ArgumentParser):
    """Reports wrong arguments as JSON when --json is among them."""

    _words: ClassVar[list[str]] = []  # of the command line; those of a subcommand are parsed by a parser of their own

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        Parser._words[:] = sys.argv[1:] if args is None else args
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        message += self._nearest(message)
        if "--json" in Parser._words:
            failure = ImporterError("OPTION_INVALID", message, f"See `{self.prog} --help`.")
            print_json("error", {"error": error_data(failure)})
            self.exit(2)
        # The list of all options would push the reason out of sight.
        self.exit(2, f"{self.prog}: error: {message}\nSee `{self.prog} --help`.\n")

    def _nearest(self, message: str) -> str:
        """What a mistyped option, command or choice may stand for."""
        if unknown := re.search(r"unrecognized arguments: .*?(--?[\w-]+)", message):
            if (option := unknown[1]) in _ELSEWHERE:
                return f". {_ELSEWHERE[option]}"
            near = did_you_mean(option, self._options())
        elif wrong := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            near = did_you_mean(wrong[1], re.findall(r"[\w.-]+", wrong[2]))
        else:
            return ""
        return f".{near}" if near else ""

    def _options(self) -> list[str]:
        """Those of the command that was called: its parser leaves unknown ones to this one."""
        parser: argparse.ArgumentParser = self
        for word in Parser._words:
            commands = [item for item in parser._actions if isinstance(item, argparse._SubParsersAction)]
            parser = next((item.choices[word] for item in commands if word in item.choices), parser)
        return list(parser._option_string_actions)
