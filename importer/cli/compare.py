"""`python -m importer compare A.pte B.pte`: the same inputs into both, made-up ones or a person's own."""

from __future__ import annotations

import argparse
import math
import statistics
from pathlib import Path
from typing import Any

from rich.markup import escape

from importer.amounts import change_text, metric_text
from importer.cli import conditions
from importer.cli.output import console, judged, table
from importer.errors import ImporterError
from importer.jobs.child import Report
from importer.jobs.reading import program_files
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import Spawn, Starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.options import metric_file, metric_problems
from importer.owned_folders import owned_folder, temporary_folder
from importer.paths import resolve
from importer.program import beside
from importer.program.program import Program, read_program
from importer.program.unchanged import unchanged
from importer.proof.child_runner import Call, Result, run_program
from importer.signature import TensorSpec

_ROUNDS = 4
Answers = list[list[Any]]
"""The outputs of each call."""


def run(chosen: argparse.Namespace) -> int:
    """Returns 3 when a condition of --fail-if holds."""
    wanted = [condition for text in chosen.fail_if for condition in conditions.parse(text, conditions.OF_COMPARISON)]
    for problem in metric_problems(chosen.metric):
        raise ImporterError("OPTION_INVALID", problem.cause, problem.remedy)
    first, second, inputs = chosen.first.absolute(), chosen.second.absolute(), str(chosen.inputs or "")
    found = compare_confined(first, second, inputs, chosen.metric, None, Spawn())
    messages = (condition.broken_by(conditions.of_comparison(condition, found)) for condition in wanted)
    broken = [text for text in messages if text]
    return judged("compare", found, broken, chosen, _print)


def compare_confined(
    first: Path, second: Path, data: str, metric: str, project: Path | None, starter: Starter
) -> dict[str, Any]:
    """`compare` in a confined child. `data` and `metric` may be empty."""
    params, read = parameters(first, second, data, metric, project)
    with owned_folder(temporary_folder(), "compare") as temporary:
        files = [path for program in (first, second) for path in program_files(program)]
        supervisor = Supervisor(Limits(), lambda stage, fraction, message: None, starter)
        policy = Policy(temporary, (*files, *read), (), is_required())
        found: dict[str, Any] = supervisor.run(f"{__name__}:compare_in_child", params, policy)
        return found


def parameters(
    first: Path, second: Path, data: str, metric: str, project: Path | None
) -> tuple[dict[str, Any], list[Path]]:
    """The parameters of `compare_in_child`, and the paths that it reads beside the programs. `data` and `metric` may be
    empty. Raises what `resolve` does."""
    inputs = resolve(data, project, "inputs") if data else None
    own = metric_file(metric)
    metric_path = resolve(own, project, "metric") if own else None
    params = {
        "first": str(first),
        "second": str(second),
        "inputs": str(inputs or ""),
        "metric": metric,
        "metric_file": str(metric_path or ""),
    }
    return params, [path for path in (inputs, metric_path) if path]


def compare_in_child(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """`compare` as a task."""
    report("validate", 0.1)
    data = Path(params["inputs"]) if params["inputs"] else None
    first, second = Path(params["first"]), Path(params["second"])
    with unchanged([first, second]):
        return compare(first, second, data, params["metric"], Path(params["metric_file"]))


def compare(
    first: Path, second: Path, data: Path | None = None, metric: str = "", metric_path: Path = Path()
) -> dict[str, Any]:
    """Differences in results, size, speed and operators; with data also of a metric. The programs are timed in turns.

    Raises PROGRAMS_DIFFER when their inputs or the numbers of their outputs are not the same, and what reading the data
    raises.
    """
    from importer.inputs import made_up

    left, right = beside.described(first), beside.described(second)
    common = _common(left, right)
    calls = []
    for name, inputs in common.items():
        calls += [Call(name, made_up.make_all(inputs, call)) for call in range(2)]
    programs = [(path, read_program(path)) for path in (first, second)]
    rounds = [[run_program(path, program, calls) for path, program in programs] for _ in range(_ROUNDS)]
    found: dict[str, Any] = {
        "methods": list(common),
        "programs": [
            _side(described, name) for described, name in zip((left, right), names_apart(first, second), strict=True)
        ],
        "times": {name: _times(rounds, name) for name in common},
    }
    answers = [result.outputs for result in rounds[0]]
    if data:
        found["evaluation"], answers = _evaluate(programs, (left, right), common, data, metric, metric_path)
    return {**found, "difference": difference(*answers)}


def difference(expected: Answers, got: Answers) -> dict[str, Any]:
    """The differences of the second program's results from the first one's, in the form of the metadata's `accuracy`.
    Values that are NaN or infinite in one of them cannot be compared and count as infinitely different; classes differ
    as numbers do."""
    from importer.proof.accuracy import Accuracy

    accuracy = Accuracy(reference="the first program's result")
    for index, (left, right) in enumerate(zip(expected, got, strict=True)):
        accuracy.add(index, [], left, right)
    found = accuracy.judge().metadata(None)
    found["max_absolute"] = max(accuracy.max_absolute, accuracy.whole_absolute)
    found["max_relative"] = max(accuracy.max_relative, accuracy.whole_relative)
    if name := accuracy.nothing_compared():
        reason = f"{name}: {accuracy.compared:.0%} of the first program's results are numbers"
        found |= {"max_absolute": math.inf, "max_relative": math.inf, "worst_channel": reason}
    return found


def _times(rounds: list[list[Result]], name: str) -> dict[str, Any]:
    """Medians of each side in microseconds, the lowest and highest of the rounds, and whether they differ: the ranges
    of the two do not meet. change: of the second against the first."""
    sides = [sorted(results[side].microseconds.get(name, 0.0) for results in rounds) for side in (0, 1)]
    middles = [statistics.median(side) for side in sides]
    apart = sides[0][-1] < sides[1][0] or sides[1][-1] < sides[0][0]
    return {
        "microseconds": middles,
        "spread": [[side[0], side[-1]] for side in sides],
        "differs": apart,
        "change": middles[1] / middles[0] - 1 if middles[0] else 0.0,
    }


def _evaluate(
    programs: list[tuple[Path, Program]],
    described: tuple[dict[str, Any], dict[str, Any]],
    common: dict[str, list[dict[str, Any]]],
    data: Path,
    name: str,
    metric_path: Path,
) -> tuple[dict[str, Any], list[Answers]]:
    """Both programs' metric on labelled data, where 95% of the resampled differences (second minus first) lie, and
    their results."""
    from importer.proof import evaluation

    method = "forward" if "forward" in common else next(iter(common))
    finished = [
        evaluation.Finished(path, program, next(item for item in side["methods"] if item["name"] == method))
        for (path, program), side in zip(programs, described, strict=True)
    ]
    found = evaluation.of_programs(finished, data, name, metric_path)
    values = [found.metric.summary(side) for side in found.scores]
    numbers = {
        "metric": found.metric.name,
        "more_is_better": found.metric.more_is_better,
        "samples": len(found.scores[0]),
        "values": values,
        "difference": values[1] - values[0],
        "interval": list(evaluation.interval(found.scores[1], found.scores[0], found.metric)),
        "notes": [found.note] if found.note else [],
    }
    return numbers, found.answers


def _common(left: dict[str, Any], right: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The methods that both have, with inputs that both take."""
    others = {method["name"]: method for method in right["methods"]}
    found = {}
    for method in left["methods"]:
        other = others.get(method["name"])
        inputs = _inputs_of_both(method["inputs"], other["inputs"]) if other else None
        if other and inputs is not None:
            _check_order(method, other)
            _check_outputs(method, other)
            found[method["name"]] = inputs
    if not found:
        cause = f"{left['name']} and {right['name']} have no method with the same inputs."
        raise ImporterError("PROGRAMS_DIFFER", cause, "Compare programs that were made of the same model.", "read")
    return found


def _check_order(left: dict[str, Any], right: dict[str, Any]) -> None:
    """The same made-up values go into both by their order."""
    orders = [[item["name"] for item in side["inputs"]] for side in (left, right)]
    if orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]):
        cause = (
            f"'{left['name']}' takes its inputs in different orders: {', '.join(orders[0])}; {', '.join(orders[1])}."
        )
        remedy = "Convert both from models with one order, or use `evaluate`, which takes them by their names."
        raise ImporterError("PROGRAMS_DIFFER", cause, remedy, "read")


def _check_outputs(left: dict[str, Any], right: dict[str, Any]) -> None:
    counts = [len(side["outputs"]) for side in (left, right)]
    if counts[0] != counts[1]:
        number = f"The number of outputs of '{left['name']}'"
        cause = f"{number} is {counts[0]} in the first program and {counts[1]} in the second."
        remedy = "Compare programs with the same outputs; without `also_outputs`, for example."
        raise ImporterError("PROGRAMS_DIFFER", cause, remedy, "read")


def _inputs_of_both(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The largest inputs that both programs accept; None when there are none."""
    if len(left) != len(right):
        return None
    common = []
    for one, other in zip(left, right, strict=True):
        specs = TensorSpec.of(one), TensorSpec.of(other)
        if one["dtype"] != other["dtype"] or len(specs[0].shape) != len(specs[1].shape):
            return None
        pairs = list(zip(*(spec.dimensions for spec in specs), strict=True))
        if any(min(a.maximum, b.maximum) < max(a.minimum, b.minimum) for a, b in pairs):
            return None
        common.append({**one, "shape": [min(a.maximum, b.maximum) for a, b in pairs]})
    return common


def size_of(described: dict[str, Any]) -> int:
    """The bytes of a program and of its weights outside of it."""
    payload = described["payload"]
    return int(payload["size"] + sum(item["size"] for item in payload.get("external", [])))


def names_apart(first: Path, second: Path) -> tuple[str, str]:
    """The files' names, with as many of their folders as tell them apart: `build/net.pte` and `fresh/net.pte`."""
    left, right = first.parts[1:], second.parts[1:]
    for count in range(1, max(len(left), len(right))):
        names = "/".join(left[-count:]), "/".join(right[-count:])
        if names[0] != names[1]:
            return names
    return first.name, second.name


def _side(described: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "size": size_of(described),
        "planned_memory": sum(sum(method["planned_memory"]) for method in described["methods"]),
        "share": [method["delegation"]["share"] for method in described["methods"]],
    }


def _print(found: dict[str, Any]) -> None:
    shown = table("", "", *(side["name"] for side in found["programs"]), "second against first")
    first, second = found["programs"]
    shown.add_row("size", f"{first['size']:,} bytes", f"{second['size']:,} bytes", _change(first, second, "size"))
    memory = [f"{side['planned_memory']:,} bytes" for side in found["programs"]]
    shown.add_row("planned memory", *memory, _change(first, second, "planned_memory"))
    shown.add_row("delegated", *(", ".join(f"{share:.0%}" for share in side["share"]) for side in found["programs"]))
    for name, row in found["times"].items():
        times = [
            f"{middle:.1f} us ({low:.1f} to {high:.1f})"
            for middle, (low, high) in zip(row["microseconds"], row["spread"], strict=True)
        ]
        change = row["change"]
        factor = f"{1 / (1 + change):.2f}x faster" if change < 0 else f"{1 + change:.2f}x slower"
        shown.add_row(escape(f"time of {name}"), *times, factor if row["differs"] else "no difference")
    evaluation = found.get("evaluation", {})
    if evaluation:
        low, high = evaluation["interval"]
        metric = evaluation["metric"]
        change, *ends = (change_text(metric, value) for value in (evaluation["difference"], low, high))
        verdict = f"{change} ({' to '.join(ends)})"
        values = (metric_text(metric, value) for value in evaluation["values"])
        shown.add_row(
            escape(f"{metric} of {evaluation['samples']} samples"),
            *values,
            "no difference" if low <= 0 <= high else verdict,
        )
    screen = console()
    screen.print(shown)
    screen.print(difference_text(found["difference"]), highlight=False, markup=False)
    for text in evaluation.get("notes", []):
        screen.print(text, highlight=False, markup=False)


def difference_text(found: dict[str, Any]) -> str:
    """What a person reads of a difference."""
    if found["max_relative"] is None:
        return f"The results cannot be compared: {found['worst_channel']}."
    parts = [f"absolute {found['max_absolute']:.3g}, relative {found['max_relative']:.3g}"]
    parts.append(f"cosine {found['cosine']:.6f}")
    if "agreement" in found:
        parts.append(f"{1 - found['agreement']:.2%} of classes, masks or indices differ")
    return f"difference: {', '.join(parts)} over {found['samples']} calls"


def _change(first: dict[str, Any], second: dict[str, Any], name: str) -> str:
    if first[name] == second[name] or not first[name]:
        return "no difference" if first[name] == second[name] else ""
    return f"{second[name] / first[name] - 1:+.1%}"
