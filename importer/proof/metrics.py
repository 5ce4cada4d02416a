"""Metrics of a model's outputs: one score for each sample, and their mean. Imports torch.

top1 top5   share of positions whose target is the largest, or among the five largest, along the class axis: axis 1
            or the last, whichever the targets lack
iou         intersection over union of classes, or of one mask; the mean over the classes that occur
cosine      cosine similarity of the flattened output and the target
mae rmse    mean absolute error, root of the mean squared error
FILE:NAME   a function of a Python file: (outputs: list of arrays, target: array) -> a number; more is better
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.errors import ImporterError
from importer.options import METRICS, metric_label

Score = Callable[[Sequence[torch.Tensor], torch.Tensor], float]


@dataclass(frozen=True)
class Metric:
    """score: of one sample. more_is_better: whether a larger value is a better one. summary: of all samples' scores."""

    name: str
    score: Score
    more_is_better: bool = True
    summary: Callable[[Sequence[float]], float] = lambda scores: math.fsum(scores) / len(scores)


def metric(name: str, resolve: Callable[[str], Path]) -> Metric:
    """The metric of a name. resolve: finds the file of `FILE.py:function`. Raises OPTION_INVALID and METRIC_FAILED."""
    if name in _KNOWN:
        return _KNOWN[name]
    path, colon, function = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        cause = f"There is no metric '{name}'."
        raise ImporterError("OPTION_INVALID", cause, f"There are: {', '.join(METRICS)}, FILE.py:function.", "read")
    return Metric(metric_label(name), _of_file(resolve(path), function, name))


def usual(output: torch.Tensor, target: torch.Tensor) -> str:
    """The metric when none is named: top1 for class numbers, else rmse."""
    is_class = not target.is_floating_point() and output.is_floating_point() and output.dim() == target.dim() + 1
    return "top1" if is_class else "rmse"


def _top(count: int) -> Score:
    def score(outputs: Sequence[torch.Tensor], target: torch.Tensor) -> float:
        output = outputs[0]
        axis = _class_axis(f"top{count}", output, target)
        if axis is None or output.shape[axis] < 1:
            wanted = "class scores along axis 1 or the last one, and class numbers as target"
            raise _unsuitable(f"top{count}", output, target, wanted)
        _check_classes(f"top{count}", output, target, output.shape[axis])
        # Of equal scores, which int8 often has, the first counts as the largest, as in argmax; topk takes any.
        numbers = target.unsqueeze(axis).long()
        own = output.gather(axis, numbers)
        places = torch.arange(output.shape[axis]).reshape([-1] + [1] * (output.dim() - 1 - axis))
        before = (output > own) | ((output == own) & (places < numbers))
        return float((before.sum(dim=axis) < count).double().mean())

    return score


def _iou(outputs: Sequence[torch.Tensor], target: torch.Tensor) -> float:
    output = outputs[0]
    axis = _class_axis("iou", output, target)
    if axis is not None and output.dim() > 1 and output.shape[axis] > 1:
        _check_classes("iou", output, target, output.shape[axis])
        found = output.argmax(dim=axis)
        classes = sorted({*found.flatten().tolist(), *target.flatten().tolist()})
    elif output.numel() == target.numel():
        _check_classes("iou", output, target, None)
        found, target, classes = (output > 0.5).long().reshape(target.shape), (target > 0.5).long(), [1]
    else:
        wanted = "class scores along axis 1 or the last one, or one mask of the target's size"
        raise _unsuitable("iou", output, target, wanted)
    parts = []
    for number in classes:
        both = ((found == number) & (target == number)).sum().item()
        either = ((found == number) | (target == number)).sum().item()
        parts.append(both / either if either else 1.0)
    return math.fsum(parts) / len(parts)


def _class_axis(name: str, output: torch.Tensor, target: torch.Tensor) -> int | None:
    """The axis of the classes: axis 1, or the last one, whichever the target lacks; None when it lacks neither."""
    shape = list(output.shape)
    first, last = min(1, len(shape) - 1), len(shape) - 1
    fitting = [axis for axis in sorted({first, last}) if shape[:axis] + shape[axis + 1 :] == list(target.shape)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    cause = (
        f"The metric '{name}' cannot tell the classes of the output's shape {shape}: with a target of the shape "
        f"{list(target.shape)} they may lie along axis 1 or axis {last}."
    )
    remedy = "Use a metric of your own (FILE.py:function), or samples of another size."
    raise ImporterError("METRIC_UNSUITABLE", cause, remedy, "validate")


def _cosine(outputs: Sequence[torch.Tensor], target: torch.Tensor) -> float:
    left, right = _same_size("cosine", outputs[0], target)
    return float(torch.nn.functional.cosine_similarity(left, right, dim=0))


def _mae(outputs: Sequence[torch.Tensor], target: torch.Tensor) -> float:
    left, right = _same_size("mae", outputs[0], target)
    return float((left - right).abs().mean())


def _mean_square(outputs: Sequence[torch.Tensor], target: torch.Tensor) -> float:
    left, right = _same_size("rmse", outputs[0], target)
    return float((left - right).square().mean())


def _root_of_mean(scores: Sequence[float]) -> float:
    return math.sqrt(math.fsum(scores) / len(scores))


_KNOWN = {
    "top1": Metric("top1", _top(1)),
    "top5": Metric("top5", _top(5)),
    "iou": Metric("iou", _iou),
    "cosine": Metric("cosine", _cosine),
    "mae": Metric("mae", _mae, False),
    "rmse": Metric("rmse", _mean_square, False, _root_of_mean),
}


def _same_size(name: str, output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if output.numel() != target.numel():
        raise _unsuitable(name, output, target, "a target of the output's size")
    return output.double().flatten(), target.double().flatten()


def _check_classes(name: str, output: torch.Tensor, target: torch.Tensor, count: int | None) -> None:
    """Refuse what would be counted as a wrong answer and is none: NaN, and a number that is no class. count: of the
    model's classes; None for a mask."""
    if output.isnan().any() or target.isnan().any():
        cause = f"The {'output' if output.isnan().any() else 'target'} has NaN, which '{name}' cannot count."
        raise ImporterError("METRIC_UNSUITABLE", cause, "Correct or remove this sample.", "validate")
    wrong = target[(target < 0) | (target >= count) | (target != target.long())] if count is not None else target[:0]
    if wrong.numel():
        cause = f"A target is {wrong.flatten()[0].item():g}, but the model has the classes 0 to {(count or 0) - 1}."
        remedy = "Correct or remove it; a metric of your own (FILE.py:function) can leave out such values."
        raise ImporterError("METRIC_UNSUITABLE", cause, remedy, "validate")


def _unsuitable(name: str, output: torch.Tensor, target: torch.Tensor, wanted: str) -> ImporterError:
    cause = (
        f"The metric '{name}' needs {wanted}; the output has the shape {list(output.shape)}, "
        f"the target {list(target.shape)}."
    )
    return ImporterError("METRIC_UNSUITABLE", cause, "Choose another metric, or correct the targets.", "validate")


def _of_file(path: Path, function: str, name: str) -> Score:
    remedy = "Correct the function: it takes a list of arrays and the target, and returns a number; more is better."
    try:
        spec = importlib.util.spec_from_file_location("metric_of_the_project", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        chosen: Callable[..., Any] = getattr(module, function)
    except Exception as error:
        cause = f"The metric '{name}' cannot be loaded: {type(error).__name__}: {str(error)[:300]}"
        raise ImporterError("METRIC_FAILED", cause, remedy, "validate") from error

    def score(outputs: Sequence[torch.Tensor], target: torch.Tensor) -> float:
        try:
            found = chosen([value.numpy() for value in outputs], target.numpy())
            return float(np.asarray(found).item())  # an array of one value too
        except Exception as error:
            cause = f"The metric '{name}' failed: {type(error).__name__}: {str(error)[:300]}"
            raise ImporterError("METRIC_FAILED", cause, remedy, "validate") from error

    return score
