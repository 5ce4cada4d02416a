"""`python -m importer evaluate A.pte ... --inputs DATA`: a metric of finished programs on labelled data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.markup import escape

from importer.amounts import metric_text
from importer.cli import conditions
from importer.cli.compare import names_apart, size_of
from importer.cli.output import console, judged, table
from importer.errors import ImporterError
from importer.jobs.child import Report
from importer.jobs.reading import program_files
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import Spawn
from importer.jobs.supervisor import Limits, Supervisor
from importer.options import metric_file, metric_problems
from importer.owned_folders import owned_folder, temporary_folder
from importer.paths import resolve
from importer.program import beside
from importer.program.program import read_program
from importer.program.unchanged import unchanged


def run(chosen: argparse.Namespace) -> int:
    """Returns 3 when a condition of --fail-if holds for a program."""
    wanted = [condition for text in chosen.fail_if for condition in conditions.parse(text, conditions.OF_EVALUATION)]
    for problem in metric_problems(chosen.metric):
        raise ImporterError("OPTION_INVALID", problem.cause, problem.remedy)
    own = metric_file(chosen.metric)
    data, metric = resolve(str(chosen.inputs), None, "inputs"), resolve(own, None, "metric") if own else None
    programs = [path.absolute() for path in chosen.programs]
    params = {
        "programs": [str(path) for path in programs],
        "inputs": str(data),
        "metric": chosen.metric,
        "metric_file": str(metric or ""),
    }
    read = [file for program in programs for file in program_files(program)]
    with owned_folder(temporary_folder(), "evaluate") as temporary:
        supervisor = Supervisor(Limits(), lambda stage, fraction, message: None, Spawn())
        policy = Policy(temporary, (*read, data, *([metric] if metric else [])), (), is_required())
        found: dict[str, Any] = supervisor.run(f"{__name__}:evaluate_in_child", params, policy)
    broken = [text for text in (_broken(condition, found) for condition in wanted) if text]
    return judged("evaluate", found, broken, chosen, _print)


def evaluate_in_child(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """`evaluate` as a task."""
    report("validate", 0.1)
    places = [Path(text) for text in params["programs"]]
    with unchanged(places):
        return evaluate(places, Path(params["inputs"]), params["metric"], Path(params["metric_file"]))


def evaluate(programs: list[Path], data: Path, metric: str = "", metric_path: Path = Path()) -> dict[str, Any]:
    """`{metric, more_is_better, samples, programs: [{name, size, planned_memory, value, interval}], notes}`; the
    interval is where 95% of the resampled values lie. Of a program with several methods `forward`, or else the first,
    is meant.

    Raises what reading the programs and the data raises.
    """
    from importer.proof import evaluation

    names = [path.name for path in programs]
    rows, name, more_is_better, samples, notes = [], metric, True, 0, []
    for path in programs:
        described = beside.described(path)
        methods = {item["name"]: item for item in described["methods"]}
        finished = evaluation.Finished(path, read_program(path), methods.get("forward") or described["methods"][0])
        found = evaluation.of_programs([finished], data, name, metric_path)
        notes = [found.note] if found.note else []
        name, more_is_better, samples = found.metric.name, found.metric.more_is_better, len(found.scores[0])
        twin = next((other for other in programs if other != path and other.name == path.name), None)
        rows.append(
            {
                "name": names_apart(path, twin)[0] if twin and names.count(path.name) > 1 else path.name,
                "size": size_of(described),
                "planned_memory": sum(sum(item["planned_memory"]) for item in described["methods"]),
                "value": found.metric.summary(found.scores[0]),
                "interval": list(evaluation.spread(found.scores[0], found.metric)),
            }
        )
    return {"metric": name, "more_is_better": more_is_better, "samples": samples, "programs": rows, "notes": notes}


def _broken(condition: conditions.Condition, found: dict[str, Any]) -> str:
    rows = [(row["name"], conditions.of_evaluation(condition, found, row)) for row in found["programs"]]
    broken = [condition.broken_by(value, name) for name, value in rows]
    return "\n".join(filter(None, broken))


def _print(found: dict[str, Any]) -> None:
    shown = table(f"{found['samples']} samples", "program", found["metric"], "95%", "size", "planned memory")
    for row in found["programs"]:
        value, *ends = (metric_text(found["metric"], value) for value in (row["value"], *row["interval"]))
        size, memory = f"{row['size'] / 1e3:,.1f} KB", f"{row['planned_memory'] / 1e3:,.1f} KB"
        shown.add_row(escape(row["name"]), value, " to ".join(ends), size, memory)
    screen = console()
    screen.print(shown)
    for text in found["notes"]:
        screen.print(text, highlight=False, markup=False)
