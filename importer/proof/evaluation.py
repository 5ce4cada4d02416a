"""The evaluation: a metric of eager PyTorch, the exported graph and the program, on labelled data. Imports torch.

All three run the same samples. Of program and eager PyTorch it also has the difference, with the interval that
contains 95% of the resampled differences (paired percentile bootstrap: Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.cache.entry import PAYLOAD
from importer.errors import ImporterError
from importer.exporting.state import restore, snapshot
from importer.inputs import labelled, samples
from importer.inputs.labelled import Labelled
from importer.model import Method
from importer.program.program import Program, read_program
from importer.proof import metrics
from importer.proof.child_runner import Call, run_program
from importer.signature import TensorSpec

_RESAMPLES = 2000


def evaluate(
    method: Method,
    building: Path,
    data: Sequence[Labelled],
    name: str,
    resolve: Callable[[str], Path],
    deadline: float,
) -> dict[str, Any]:
    """The metadata of the evaluation: `{metric, more_is_better, samples, eager, exported, program, difference,
    interval}`. Raises METRIC_UNSUITABLE, METRIC_FAILED and the errors of running the program."""
    with torch.no_grad():
        eager = _all(method, method.eager, data)
        exported = _all(method, method.program.module(), data)
    calls = [Call(method.name, item.inputs) for item in data]
    program = read_program(building / PAYLOAD)
    answers = run_program(building / PAYLOAD, program, calls, deadline=deadline, timing=False).outputs
    metric = metrics.metric(name or metrics.usual(eager[0][0], data[0].target), resolve)
    scores = [scores_of(side, data, metric) for side in (eager, exported, answers)]
    values = [metric.summary(side) for side in scores]
    low, high = interval(scores[2], scores[0], metric)
    return {
        "metric": metric.name,
        "more_is_better": metric.more_is_better,
        "samples": len(data),
        "eager": values[0],
        "exported": values[1],
        "program": values[2],
        "difference": values[2] - values[0],
        "interval": [low, high],
    }


@dataclass(frozen=True)
class Finished:
    """A method of a finished program; described: its metadata."""

    path: Path
    program: Program
    described: Mapping[str, Any]

    def read(self, data: Path) -> list[Labelled]:
        inputs, outputs = ([TensorSpec.of(item) for item in self.described[side]] for side in ("inputs", "outputs"))
        try:
            return labelled.read(data, inputs, outputs)
        except ImporterError as error:
            if error.code == "EVALUATION_INVALID":  # other programs may take the same data
                error.cause = f"{data.name} does not fit {self.path.name}. {error.cause}"
            raise


@dataclass(frozen=True)
class Scores:
    """The score of each sample, for each program, and its outputs. note: what a reader has to know of the data, or
    empty."""

    metric: metrics.Metric
    scores: list[list[float]]
    answers: list[list[list[torch.Tensor]]]
    note: str


def of_programs(programs: Sequence[Finished], data: Path, name: str, metric_path: Path) -> Scores:
    """The same labelled data in a method of finished programs, each of which finds its inputs by its own names. name:
    of a metric, or empty; metric_path: its file. Raises METRIC_UNSUITABLE, METRIC_FAILED, what reading the data raises,
    and the errors of running a program."""
    sides = [item.read(data) for item in programs]
    answers = []
    for item, found in zip(programs, sides, strict=True):
        calls = [Call(item.described["name"], sample.inputs) for sample in found]
        answers.append(run_program(item.path, item.program, calls, timing=False).outputs)
    metric = metrics.metric(name or metrics.usual(answers[0][0][0], sides[0][0].target), lambda _: metric_path)
    scores = [scores_of(given, found, metric) for given, found in zip(answers, sides, strict=True)]
    return Scores(metric, scores, answers, labelled.note(sides[0]))


def spread(scores: Sequence[float], metric: metrics.Metric) -> tuple[float, float]:
    """Where 95% of the resampled values of a metric lie; the same every time."""
    values, generator = np.asarray(scores), np.random.default_rng(0)
    count = _RESAMPLES if len(values) > 1 else 1
    resampled = [metric.summary(values[generator.integers(0, len(values), len(values))].tolist()) for _ in range(count)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def _all(method: Method, module: torch.nn.Module, data: Sequence[Labelled]) -> list[list[torch.Tensor]]:
    """The results of all samples in order, from the model's first state on, as in the program."""
    saved = snapshot(method)
    try:
        found = []
        for item in data:
            positional, keyword = samples.copied(samples.with_tensors(method.example, item.inputs))
            outputs = module(*positional, **keyword)
            found.append([value.detach().clone() for value in samples.flatten_outputs(outputs)])
        return found
    finally:
        restore(method, saved)


def scores_of(
    answers: Sequence[Sequence[torch.Tensor]], data: Sequence[Labelled], metric: metrics.Metric
) -> list[float]:
    """The metric's score of each sample. Raises METRIC_UNSUITABLE and METRIC_FAILED."""
    return [_score(metric, outputs, item) for outputs, item in zip(answers, data, strict=True)]


def _score(metric: metrics.Metric, outputs: Sequence[torch.Tensor], item: Labelled) -> float:
    try:
        found = metric.score(outputs, item.target)
    except ImporterError as error:
        error.cause = f"{item.name}: {error.cause}"
        raise
    if not math.isfinite(found):
        cause = f"{item.name}: the metric '{metric.name}' is {found}."
        raise ImporterError("METRIC_UNSUITABLE", cause, "Correct the data or choose another metric.", "validate")
    return found


def interval(first: Sequence[float], second: Sequence[float], metric: metrics.Metric) -> tuple[float, float]:
    """Where 95% of the resampled differences of `first` minus `second` lie; the same every time."""
    left, right = np.asarray(first), np.asarray(second)
    generator = np.random.default_rng(0)
    differences = []
    for _ in range(_RESAMPLES if len(left) > 1 else 1):
        chosen = generator.integers(0, len(left), len(left))
        differences.append(metric.summary(left[chosen].tolist()) - metric.summary(right[chosen].tolist()))
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)
