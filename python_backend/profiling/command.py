"""`python3 -m python_backend profile MODEL.pte`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from python_backend.errors import BackendError
from python_backend.profiling import limits
from python_backend.warm_parent import cold_parent
from python_backend.worker import Limits, Worker

TOO_SLOW = 3
"""Exit status when a condition of --fail-if holds; 1 is an error."""


def main(arguments: list[str]) -> int:
    """The command line; an exit status."""
    known = _parser().parse_args(arguments)
    try:
        return _profile(known)
    except BackendError as error:
        print(f"{error.code}: {error.cause}\n{error.remedy}", file=sys.stderr)
        if error.log:
            print(error.log.rstrip(), file=sys.stderr)
        return 1


def profile(path: Path, options: dict[str, Any], deadline_seconds: float = 600.0) -> dict[str, Any]:
    """The profile of a program, measured in a process of its own (profiling/measure.py)."""
    if not path.is_file():
        raise BackendError("FILE_NOT_READABLE", f"There is no file {path}.", "Give the path of a .pte file.")
    params = {**options, "path": str(path.resolve())}
    worker = Worker(
        "python_backend.profiling.measure:measure",
        params,
        Limits(deadline_seconds),
        lambda stage, fraction, message: None,
        cold_parent,
    )
    result: dict[str, Any] = worker.run()
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m python_backend profile", description="Measure a program's time and memory."
    )
    parser.add_argument("model", type=Path, help="a .pte file")
    parser.add_argument("--method", default="", help="default: forward")
    parser.add_argument("--runs", type=int, default=0, help="calls to measure (default: as many as fit into 2 seconds)")
    parser.add_argument(
        "--threads", type=int, default=0, help="default: as in a game, one less than there are fast cores"
    )
    parser.add_argument(
        "--inputs", type=Path, metavar="PATH", help="recorded inputs: a folder of .npz files, one a call, or one file"
    )
    parser.add_argument("--json", action="store_true", help="print the profile as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report that needs nothing else")
    parser.add_argument("--etdump", type=Path, metavar="FILE", help="keep the event dump for ExecuTorch's Inspector")
    parser.add_argument(
        "--fail-if", action="append", default=[], metavar="CONDITION", help='such as "p99 > 5ms"; exit status 3'
    )
    return parser


def _profile(known: argparse.Namespace) -> int:
    conditions = [condition for text in known.fail_if for condition in limits.parse(text)]
    if known.runs < 0 or known.threads < 0:
        raise BackendError("OPTION_INVALID", "--runs and --threads are at least 1.", "Leave them out for the default.")
    options = {"method": known.method, "runs": known.runs, "threads": known.threads}
    if known.inputs:
        options["inputs"] = str(known.inputs.absolute())
    if known.etdump:
        options["etdump"] = str(known.etdump.absolute())
    found = profile(known.model, options)
    broken = [told for condition in conditions if (told := condition.broken_by(found))]
    if known.html:
        from python_backend.profiling.report import page

        _write(known.html, page(found, broken, [condition.text for condition in conditions]))
    if known.json:
        print(json.dumps(found))
    else:
        from rich.console import Console

        from python_backend.profiling.tables import show

        show(found, Console())
    for told in broken:
        print(f"FAILED  {told}", file=sys.stderr)
    return TOO_SLOW if broken else 0


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        cause = f"{path} cannot be written: {error}"
        raise BackendError("REPORT_NOT_WRITTEN", cause, "Choose another file.") from error
