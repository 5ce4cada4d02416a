"""`python -m importer convert IN... -o DIR`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from importer.amounts import change_text, metric_text
from importer.atomic_files import write_changed
from importer.cache.cache import Cache
from importer.cache.cache_key import hash_file
from importer.cache.entry import Artifact
from importer.cache.install import install_program, output_error, variant_places
from importer.cache.user_folders import user_cache_folder
from importer.cli import in_git, models_file
from importer.cli.models_file import Work
from importer.cli.output import console, error_data, error_text, in_flags, print_json, table
from importer.cli.progress_table import ProgressTable
from importer.errors import Guess, ImporterError, exit_status
from importer.options import SEARCH, ImportOptions
from importer.program import measured, tres
from importer.program.delegation import share_text
from importer.scheduling import choose
from importer.scheduling.work import Conversion, Ended
from importer.signature import Dimension, format_inputs, parse_inputs
from importer.sources.early_checks import check_options


@dataclass
class Outcome:
    """The result of one file."""

    source: Path
    target: Path
    artifact: Artifact | None = None
    error: ImporterError | None = None
    seconds: float = 0.0
    cached: bool = False


def run(chosen: argparse.Namespace) -> int:
    """Convert every file; one that fails does not stop the others."""
    if chosen.recipe == SEARCH:
        from importer.cli import search

        return search.run(chosen)
    if chosen.target or chosen.plot:
        cause = "--target and --plot belong to --recipe search."
        raise ImporterError("OPTION_INVALID", cause, "Add --recipe search, or leave them out.", "read")
    cache = cache_from(chosen)
    work = work_of(chosen)
    conversions = [conversion_from(item.source, chosen, item.options) for item in work]
    scheduler = choose.scheduler(cache, chosen.cluster, chosen.jobs)
    outcomes: dict[int, Outcome] = {}
    names = titles([(item.source, item.target) for item in work])
    with (
        ProgressTable(names, not chosen.quiet and not chosen.no_progress, chosen.verbose) as table,
        contextlib.closing(scheduler.run(conversions, table.told)) as ends,
    ):
        for end in ends:
            outcomes[end.index] = finished(work[end.index], end)
            table.ended(end.index)
    return shown([outcomes[index] for index in range(len(work))], chosen)


def shown(outcomes: list[Outcome], chosen: argparse.Namespace) -> int:
    """Print the results; the exit status: 3 when --in-git finds a program that git does not have."""
    if chosen.json:
        print_json("convert", {"files": [_plain(outcome) for outcome in outcomes]})
    else:
        _summary(outcomes, console(to_errors=chosen.quiet), chosen.quiet)
    status = max((exit_status(outcome.error) for outcome in outcomes if outcome.error), default=0)
    if chosen.in_git and (new := in_git.missing(outcome.target for outcome in outcomes if outcome.artifact)):
        print("git does not have these programs yet: add them to the commit with `git add`.", file=sys.stderr)
        print(*(f"  {path}" for path in new), sep="\n", file=sys.stderr)
        return max(status, 3)
    return status


def work_of(chosen: argparse.Namespace) -> list[Work]:
    """The models that a command line names, and where their programs go."""
    if chosen.config:
        if chosen.sources:
            cause = "Model files and --config cannot be combined."
            raise ImporterError("OPTION_INVALID", cause, "Name the models in the configuration.", "read")
        if given := [*_given(chosen).changed(), *(["dynamic"] if chosen.dynamic else [])]:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            remedy = f"Write them into {chosen.config.name}, for one model or in [defaults]."
            raise ImporterError("OPTION_INVALID", f"{flags} and --config cannot be combined.", remedy, "read")
        work = models_file.read(chosen.config, chosen.output)
        check_folder(work[0].target.parent)
        return work
    options, output = options_from(chosen), chosen.output
    if not chosen.sources or output is None:
        cause = "No model file is given." if not chosen.sources else "The output folder is missing."
        raise ImporterError("OPTION_INVALID", cause, "Give files and -o DIR, or --config models.toml.", "read")
    if output.suffix == ".pte" and len(chosen.sources) == 1 and not output.is_dir():
        check_folder(output.parent)
        return [Work(chosen.sources[0], options, output)]
    check_folder(output)
    names = [source.stem for source in chosen.sources]
    for name in names:
        if names.count(name) > 1:
            cause = f"Two files would both become {name}.pte."
            remedy = "Convert them one by one with -o NAME.pte, or into different folders."
            raise ImporterError("OPTION_INVALID", cause, remedy, "read")
    return [Work(source, options, output / f"{source.stem}.pte") for source in chosen.sources]


def check_folder(place: Path) -> None:
    """Raises OPTION_INVALID when the folder for the programs, or one that it is in, is a file."""
    file = next((folder for folder in (place, *place.parents) if folder.is_file()), None)
    if file:
        cause = f"{file} is a file, so that programs cannot be put into the folder {place}."
        remedy = "Give another folder to -o, or NAME.pte for one model."
        raise ImporterError("OPTION_INVALID", cause, remedy, "read")


def options_from(chosen: argparse.Namespace) -> ImportOptions:
    """The import options of a command line, `--dynamic` merged into `inputs`."""
    options = _given(chosen)
    for text in chosen.dynamic:
        options = replace(options, inputs=with_dynamic(options.inputs, text))
    check_options(options, chosen.project)
    return options


def _given(chosen: argparse.Namespace) -> ImportOptions:
    return ImportOptions(**{field.name: getattr(chosen, field.name) for field in fields(ImportOptions)})


def with_dynamic(inputs: str, text: str) -> str:
    """`x: float32[1,8]` with `x[0]=1..64` is `x: float32[1..64,8]`."""
    match = re.fullmatch(r"\s*(\w+)\s*\[(\d+)\]\s*=\s*(\d+)\.\.(\d+)\s*", text)
    specs = parse_inputs(inputs)
    if match:
        name, axis, low, high = match.group(1), *map(int, match.groups()[1:])
        for index, spec in enumerate(specs):
            if name in (spec.name, f"input_{index}") and axis < len(spec.dimensions) and 1 <= low <= high:
                dimensions = list(spec.dimensions)
                dimensions[axis] = Dimension(low, high)
                specs[index] = replace(spec, dimensions=tuple(dimensions))
                return format_inputs(specs)
    cause = f"--dynamic '{text}' does not fit an input of '{inputs}'."
    raise ImporterError("OPTION_INVALID", cause, "Write --inputs 'x: float32[1,8]' --dynamic 'x[0]=1..64'.", "read")


def cache_from(chosen: argparse.Namespace) -> Cache:
    """The cache of a command line. A cluster needs one that all machines reach."""
    if not chosen.cluster:
        return Cache(chosen.cache or user_cache_folder() / "artifacts")
    if not chosen.cache:
        cause = "--cluster needs --cache: the place that the machines have in common."
        remedy = "Give an fsspec address, such as s3://bucket/models, or a network folder that all of them mount."
        raise ImporterError("OPTION_INVALID", cause, remedy, "read")
    return Cache(chosen.cache if "://" in chosen.cache else Path(chosen.cache).absolute())


def conversion_from(source: Path, chosen: argparse.Namespace, options: ImportOptions) -> Conversion:
    """A conversion with the permissions of a command line."""
    return Conversion(source, options, chosen.project, chosen.allow_pickle, chosen.trust_factory)


def install(artifact: Artifact, target: Path) -> None:
    """Put a program at `target` (.pte), its .tres, .metadata.json, variants and maybe .ptd beside it, each whole or not
    at all.

    What was measured goes to `NAME.measured.json`, so that the other files are equal for equal input.

    Raises CACHE_DAMAGED and CACHE_ENTRY_LINKED when the entry changed since it was found, and OUTPUT_NOT_WRITABLE.
    """
    install_program(artifact, target)
    stable, found = measured.split(artifact.metadata)
    try:
        places = variant_places(stable, target)
        named = {item["recipe"]: places[item["payload"]["file"]].name for item in stable.get("variants", [])}
        write_changed(target.with_suffix(".tres"), tres.resource_text(stable, target.name, named).encode())
        write_changed(target.with_suffix(".metadata.json"), json.dumps(stable, indent=1).encode())
        write_changed(target.with_suffix(".measured.json"), json.dumps(found, indent=1).encode())
    except OSError as error:
        raise output_error(error, target.parent) from error


def finished(work: Work, end: Ended) -> Outcome:
    """Install the artifact."""
    began, error = time.monotonic(), end.error
    if end.artifact:
        try:
            install(end.artifact, work.target)
        except ImporterError as failure:
            error = failure
    seconds = end.seconds + time.monotonic() - began
    if error:
        return Outcome(work.source, work.target, None, in_words_of_the_command_line(error, work.source), seconds)
    return Outcome(work.source, work.target, end.artifact, None, seconds, end.cached)


def in_words_of_the_command_line(error: ImporterError, source: Path) -> ImporterError:
    """An error whose remedy names the command line's options, not the editor's."""
    remedy = error.remedy
    if error.guesses:
        guess = Guess(**error.guesses[0])
        words = " ".join(f"--{name.replace('_', '-')} {_word(value)}" for name, value in guess.options.items())
        remedy = remedy.replace(guess.settings(), f"Add: {words}")
    remedy = in_flags(remedy).replace("res://", "")  # a path of --project, or of this folder
    if error.code == "PICKLE_NEEDS_PERMISSION" and "in the inspector" in remedy:
        allow = f"pass --allow-pickle {hash_file(source)}"
        remedy = remedy.replace("allow this file in the inspector", allow)
    return ImporterError(error.code, in_flags(error.cause), remedy, error.stage, error.log, error.guesses)


def _word(value: str) -> str:
    """A value as one word of the shell; a path below the working folder without that folder."""
    word = value.removeprefix(f"{Path.cwd()}{os.sep}")
    return subprocess.list2cmdline([word]) if os.name == "nt" else shlex.quote(word)


def _plain(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = {
        "source": str(outcome.source),
        "output": str(outcome.target),
        "seconds": round(outcome.seconds, 3),
        "cached": outcome.cached,
    }
    if outcome.artifact:
        found |= {"key": outcome.artifact.key, "metadata": outcome.artifact.metadata}
    if outcome.error:
        found["error"] = error_data(outcome.error)
    return found


def _error_text(accuracy: dict[str, Any]) -> str:
    """The relative error, and the share of classes, masks or indices that differ; empty when nothing was compared."""
    if not accuracy:  # of a finished program
        return ""
    differing = f"{1 - accuracy['agreement']:.2%} differ" if "agreement" in accuracy else ""
    relative = f"{accuracy['max_relative']:.1e}" if accuracy["max_relative"] or not differing else ""
    return ", ".join(filter(None, [relative, differing]))


def _evaluation_text(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    metric = found["metric"]
    verdict = "no difference" if low <= 0 <= high else change_text(metric, found["difference"])
    sides = [f"{side} {metric_text(metric, found[side])}" for side in ("program", "exported", "eager")]
    interval = f"{change_text(metric, low)} to {change_text(metric, high)}"
    return f"{metric} on {found['samples']} samples: {', '.join(sides)}; {verdict} (95%: {interval})"


def _variant_text(found: dict[str, Any]) -> str:
    size = f"{found['payload']['size'] / 1e3:,.1f} KB"
    words = [f"variant {found['recipe']}: {size}"]
    if "accuracy" in found:
        words[0] += f", {found['timings']['executorch_us']:.0f} us, error {_error_text(found['accuracy'])}"
    else:
        words += [note.removesuffix(".") for note in found["notes"] if note.startswith("Not compared")]
    return ". ".join([*words, *([_evaluation_text(found["evaluation"])] if "evaluation" in found else [])])


def _summary(outcomes: list[Outcome], screen: Console, errors_only: bool = False) -> None:
    names = titles([(outcome.source, outcome.target) for outcome in outcomes])
    if not errors_only:
        screen.print(_table(outcomes, names))
    for outcome, name in zip(outcomes, names, strict=True):
        if outcome.error:
            code = f"{outcome.error.code}: " if errors_only else ""  # otherwise in the table
            text = escape(f": {code}{error_text(outcome.error)}")
            screen.print(f"[red]{escape(name)}[/red]{text}", highlight=False)
        elif outcome.artifact and not errors_only:
            if evaluation := outcome.artifact.metadata.get("evaluation"):
                screen.print(f"{name}: {_evaluation_text(evaluation)}", highlight=False, markup=False)
            for variant in outcome.artifact.metadata.get("variants", []):
                screen.print(f"{name}: {_variant_text(variant)}", highlight=False, markup=False)
            for note in outcome.artifact.metadata.get("notes", []):
                screen.print(f"{name}: {note}", style="dim", highlight=False, markup=False)


def titles(files: list[tuple[Path, Path]]) -> list[str]:
    """What to call conversions: their sources' names, with the program's where sources have one name."""
    names = [source.name for source, _ in files]
    return [
        name if names.count(name) == 1 else f"{name} ({target.name})"
        for name, (_, target) in zip(names, files, strict=True)
    ]


def _table(outcomes: list[Outcome], names: list[str]) -> Any:
    shown = table("Converted", "file", "result", "recipe", "KB", "delegated", "eager", "runtime", "error", "time")
    for outcome, name in zip(outcomes, names, strict=True):
        if outcome.artifact:
            meta = outcome.artifact.metadata
            delegations = [method["delegation"] for method in meta["methods"]]
            shares = [delegation["share"] for delegation in delegations]
            opaque = any(delegation.get("opaque") for delegation in delegations)
            times = meta["timings"]
            error = _error_text(meta.get("accuracy", {}))
            shown.add_row(
                escape(name),
                "cached" if outcome.cached else "ok",
                meta["recipe"],
                f"{meta['payload']['size'] / 1e3:,.1f}",
                share_text({"share": sum(shares) / len(shares), "opaque": opaque}) if shares else "",
                f"{times['eager_us']:.0f} us" if "eager_us" in times else "",
                f"{times['executorch_us']:.0f} us" if "executorch_us" in times else "",
                error,
                f"{outcome.seconds:.1f} s",
            )
        elif outcome.error:
            shown.add_row(
                escape(name),
                f"[red]{outcome.error.code}[/red]",
                "",
                "",
                "",
                "",
                "",
                "",
                f"{outcome.seconds:.1f} s",
            )
    return shown
