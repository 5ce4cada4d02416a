"""Says of a failed comparison what was worst. Imports torch."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from importer.accuracy import Accuracy
from importer.errors import ImporterError
from importer.layer_loss import worst
from importer.model import Arguments, Method
from importer.samples import flatten_outputs, inputs_of

_FAR = 10  # times further than the quantized program in PyTorch


def lost(
    accuracy: Accuracy,
    calls: list[tuple[Method, Arguments]],
    absolute: float | None,
    relative: float,
    title: str,
    prepared: dict[str, ExportedProgram],
) -> ImporterError:
    """The error for results that are too far from eager. prepared: the quantized program of each method."""
    method, arguments = calls[min(accuracy.worst_sample, len(calls) - 1)]
    off = f"{accuracy.max_absolute:.3g} (relative {accuracy.max_relative:.3g}"
    shapes = ", ".join(str(list(value.shape)) for value in inputs_of(arguments))
    limits = f"relative {relative:g}" + (f", absolute {absolute:g}" if absolute is not None else "")
    cause = (
        f"The results of {title} are too far from eager PyTorch: output '{accuracy.worst_output}' of '{method.name}' "
        f"on inputs of {shapes} is off by {off}; allowed: {limits}).{_layers(method, arguments, prepared, accuracy)}"
    )
    remedy = "Give calibration data that is like the real input, choose a finer recipe, or raise max_relative_error."
    if _has_dropout(method.program):
        cause += " Its dropout is in training mode, so no two calls give the same."
        remedy = "Call model.eval() before torch.export.export, or give F.dropout training=self.training."
    return ImporterError("ACCURACY_LOST", cause, remedy, "validate")


def _has_dropout(program: ExportedProgram) -> bool:
    """Whether values are dropped at random, as in training."""
    nodes = [node for node in program.graph.nodes if "dropout" in str(node.target)]
    return any(item is True for node in nodes for item in node.args)


def _layers(method: Method, arguments: Arguments, prepared: dict[str, ExportedProgram], accuracy: Accuracy) -> str:
    if method.name not in prepared:
        return ""
    try:
        losses = worst(method, prepared[method.name], arguments)
        quantized = _in_pytorch(method, prepared[method.name], arguments)
    except Exception:  # the error that is being told matters more
        return ""
    if quantized.max_relative * _FAR < accuracy.max_relative:
        return (
            f" Quantization alone does not explain it: in PyTorch the quantized program is off by relative "
            f"{quantized.max_relative:.2g}, so the backend is off."
        )
    return f" Most is lost at {', '.join(str(loss) for loss in losses)}." if losses else ""


def _in_pytorch(method: Method, changed: ExportedProgram, arguments: Arguments) -> Accuracy:
    """How far the quantized program is from the original where no backend is at work."""
    found = Accuracy()
    with torch.no_grad():
        results = [
            flatten_outputs(program.module(check_guards=False)(*arguments[0], **arguments[1]))
            for program in (method.program, changed)
        ]
    found.add(0, [], results[0], results[1])
    return found
