"""`python -m importer convert --recipe search --target T`: the smallest or fastest program that is good enough."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from importer.amounts import metric_text
from importer.cli.convert import Outcome, cache_from, conversion_from, finished, shown, work_of
from importer.cli.models_file import Work
from importer.cli.output import check_report, console, table
from importer.cli.plot import draw_search, label_of
from importer.cli.progress_table import timed
from importer.errors import ImporterError
from importer.progress import Progress
from importer.scheduling import choose
from importer.scheduling.work import Ended, Scheduler
from importer.search.candidates import Candidate
from importer.search.run import search
from importer.search.target import parse


def run(chosen: argparse.Namespace) -> int:
    """Returns 3 when the target is not reached."""
    if chosen.config:
        cause = "--recipe search and --config cannot be combined."
        raise ImporterError(
            "OPTION_INVALID", cause, "Search for one model, and put what it found into the file.", "read"
        )
    work = work_of(argparse.Namespace(**{**vars(chosen), "recipe": "auto"}))
    if chosen.plot and len(work) > 1:
        raise ImporterError("OPTION_INVALID", "--plot draws one model.", "Search for the models one by one.", "read")
    if chosen.plot:
        check_report(chosen.plot)
    scheduler = choose.scheduler(cache_from(chosen), chosen.cluster, chosen.jobs)
    return shown([_search(item, chosen, scheduler) for item in work], chosen)


def _search(work: Work, chosen: argparse.Namespace, scheduler: Scheduler) -> Outcome:
    began = time.monotonic()
    report = _Lines(chosen)
    try:
        found = search(conversion_from(work.source, chosen, work.options), chosen.target, scheduler, report.told)
        ended = Ended(0, found.artifact, cached=found.cached, seconds=time.monotonic() - began)
        searched = found.artifact.metadata["search"]
        if chosen.plot:
            wanted = parse(chosen.target, work.options.metric)
            draw_search(searched, f"{work.source.name}: {chosen.target}", chosen.plot, wanted)
        if not chosen.json and not chosen.quiet:
            _print(searched, found.artifact.metadata["evaluation"]["metric"])
    except ImporterError as error:
        ended = Ended(0, error=error, seconds=time.monotonic() - began)
    return finished(work, ended)


class _Lines:
    """A line for each candidate that begins, and with --verbose for each step."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self._shown = not chosen.quiet and not chosen.no_progress
        self._verbose = self._shown and chosen.verbose
        self._begun: set[Candidate] = set()
        self._start = time.monotonic()

    def told(self, candidate: Candidate, step: Progress) -> None:
        label = label_of(candidate.recipe, candidate.float_layers)
        if self._verbose:
            print(timed(step.elapsed_seconds, f"{label}: {step.stage} {step.message}".rstrip()), file=sys.stderr)
        elif self._shown and candidate not in self._begun:
            print(timed(time.monotonic() - self._start, label), file=sys.stderr)
        self._begun.add(candidate)


def _print(found: dict[str, Any], metric: str) -> None:
    best = found["chosen"]
    shown = table("", "candidate", "size", "time", "relative error", "drop", "")
    for row in found["candidates"]:
        is_chosen = {name: row[name] for name in best} == best
        words = row.get("error") or ("chosen" if is_chosen else "on the front" if row["front"] else "")
        numbers = (
            [
                f"{row['size'] / 1e3:,.1f} KB",
                f"{row['executorch_us']:.1f} us",
                f"{row['max_relative']:.1e}",
                metric_text(metric, row["drop"]),
            ]
            if "size" in row
            else [""] * 4
        )
        shown.add_row(label_of(row["recipe"], row["float_layers"]), *numbers, words)
    console().print(shown)
    best = found["chosen"]
    layers = f" --float-layers '{', '.join(best['float_layers'])}'" if best["float_layers"] else ""
    print(f"The same without a search: --recipe {best['recipe']}{layers}")
    if not found["complete"]:
        print("The deadline ended the search; run it again to continue.")
