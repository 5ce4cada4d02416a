"""`python3 -m python_backend profile MODEL.pte`."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from importer.atomic_files import replacing
from importer.cache.entry_files import opened
from importer.cli.option_arguments import add_libraries
from importer.cli.output import Parser, check_report, console, print_json, status_of, write_report
from importer.errors import ImporterError
from importer.jobs import game_libraries
from importer.jobs.reading import program_files
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import Spawn
from importer.jobs.supervisor import Limits, Supervisor
from importer.owned_folders import owned_folder, temporary_folder
from importer.paths import resolve
from python_backend.profiling import limits

CONDITION_HOLDS = 3
"""Exit status when a condition of --fail-if holds."""


def main(arguments: list[str], name: str = "python3 -m python_backend profile") -> int:
    """The command line; an exit status. name: what it is called by."""
    known = _parser(name).parse_args(arguments)

    def command() -> int:
        game_libraries.use(known.library)
        return _profile(known)

    return status_of(command, known.json)


def profile(path: Path, options: dict[str, Any], deadline_seconds: float = 600.0) -> dict[str, Any]:
    """The profile of a program, measured in a process of its own (profiling/measure.py)."""
    if not path.is_file():
        raise ImporterError("FILE_NOT_READABLE", f"There is no file {path}.", "Give the path of a .pte file.")
    job = Supervisor(Limits(deadline_seconds), lambda stage, fraction, message: None, Spawn())
    with owned_folder(temporary_folder(), "profile") as temporary:
        dump = temporary / "kept.etdp"
        params = {**options, "path": str(path.resolve()), "etdump": str(dump) if options.get("etdump") else ""}
        recorded = [Path(options["inputs"])] if options.get("inputs") else []
        policy = Policy(temporary, (*program_files(path.resolve()), *recorded), (), is_required())
        result: dict[str, Any] = job.run("python_backend.profiling.measure:measure", params, policy)
        if options.get("etdump"):
            _keep(dump, Path(options["etdump"]))
    return result


def _keep(made: Path, target: Path) -> None:
    """Copy the file of the measuring process; a link in its place is not followed."""
    try:
        with opened(made.parent, made.name) as source, replacing(target) as file:
            shutil.copyfileobj(source, file)
    except (OSError, ImporterError) as error:
        raise ImporterError(
            "REPORT_NOT_WRITTEN", f"{target} cannot be written: {error}", "Choose another file."
        ) from error


def _parser(name: str) -> argparse.ArgumentParser:
    parser = Parser(prog=name, description="Measure a program's time and memory.")
    parser.add_argument("model", type=Path, metavar="FILE.pte", help="the program")
    parser.add_argument("--method", default="", metavar="NAME", help="the method to call (default: forward)")
    words = "calls to measure (default: as many as fit into 2 seconds)"
    parser.add_argument("--runs", type=int, default=0, metavar="N", help=words)
    words = "threads of the runtime (default: as in a game, one less than there are fast cores)"
    parser.add_argument("--threads", type=int, default=0, metavar="N", help=words)
    words = "recorded inputs: a folder of .npz files, one a call, or one file (default: made-up inputs)"
    parser.add_argument("--inputs", type=Path, metavar="PATH", help=words)
    parser.add_argument("--json", action="store_true", help="print the profile as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report in one file (default: none)")
    parser.add_argument(
        "--etdump", type=Path, metavar="FILE", help="keep the event dump for ExecuTorch's Inspector (default: no)"
    )
    add_libraries(parser)
    words = 'such as "p99 > 5ms"; exit status 3 when it holds (default: none); may be repeated'
    parser.add_argument("--fail-if", action="append", default=[], metavar="CONDITION", help=words)
    words = "print the conditions that hold, and errors, only; with --json also the profile"
    parser.add_argument("--quiet", action="store_true", help=words)
    return parser


def _profile(known: argparse.Namespace) -> int:
    conditions = [condition for text in known.fail_if for condition in limits.parse(text)]
    if known.runs < 0 or known.threads < 0:
        raise ImporterError("OPTION_INVALID", "--runs and --threads are at least 1.", "Leave them out for the default.")
    options = {"method": known.method, "runs": known.runs, "threads": known.threads}
    if known.inputs:
        options["inputs"] = str(resolve(str(known.inputs), None, "inputs"))
    if known.etdump:
        options["etdump"] = str(known.etdump.absolute())
    for report in filter(None, (known.html, known.etdump)):
        check_report(report)
    found = profile(known.model, options)
    broken = [told for condition in conditions if (told := condition.broken_by(found))]
    if known.html:
        from python_backend.profiling.report import page

        write_report(known.html, page(found, broken, [condition.text for condition in conditions]).encode())
    if known.json:
        print_json("profile", found)
    elif not known.quiet:
        from python_backend.profiling.tables import show

        show(found, console())
    for condition in broken:
        print(condition, file=sys.stderr)
    return CONDITION_HOLDS if broken else 0
