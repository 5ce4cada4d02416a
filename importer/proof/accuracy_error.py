"""The errors of a failed comparison, with the worst output and layers. Imports torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.export import ExportedProgram

from importer.errors import ImporterError
from importer.inputs.samples import flatten_outputs, inputs_of
from importer.lowering.lower import Step
from importer.model import Arguments, Method
from importer.proof.accuracy import Accuracy, Limits
from importer.proof.layer_loss import worst
from importer.sources.weight_names import listed

_BEYOND = 0.05  # of the calibrated range
_FAR = 10  # times further than the quantized program in PyTorch


def lost(
    accuracy: Accuracy,
    calls: list[tuple[Method, Arguments]],
    limits: Limits,
    step: Step,
    prepared: dict[str, ExportedProgram],
    calibration: Callable[[Method], list[Arguments]],
) -> ImporterError:
    """The error for results that are too far from eager. prepared: the quantized program of each method. calibration:
    what a static recipe was calibrated with."""
    method, arguments = calls[min(accuracy.worst_call(limits), len(calls) - 1)]
    shapes = ", ".join(str(list(value.shape)) for value in inputs_of(arguments))
    if name := accuracy.lost(limits):
        share = 1.0 - (accuracy.agreement or 0.0)
        off = f"output '{name}' differs in {share:.2%} of its elements; allowed: {limits.differing:.2%}"
    else:
        allowed = f"relative {limits.relative:g}" + (
            f", absolute {limits.absolute:g}" if limits.absolute is not None else ""
        )
        off = (
            f"output '{accuracy.worst_channel}' of '{method.name}' on inputs of {shapes} is off by "
            f"{accuracy.max_absolute:.3g} (relative {accuracy.max_relative:.3g}; allowed: {allowed})"
        )
    cause = f"The results of {step.title} are too far from {reference(method)}: {off}."
    beyond = _beyond(method, arguments, calibration(method)) if step.recipe.needs_calibration else ""
    every = [given for other, given in calls if other is method]
    cause += beyond or _layers(method, arguments, every, prepared, accuracy, limits)
    remedy = _remedy(step)
    if _has_dropout(method.program):
        cause += " Its dropout is in training mode, so each call returns other results."
        remedy = "Call model.eval() before torch.export.export, or give F.dropout training=self.training."
    return ImporterError("ACCURACY_LOST", cause, remedy, "validate")


def reference(method: Method) -> str:
    """What the program is compared with."""
    return method.reference or "eager PyTorch"


def lost_when_quiet(accuracy: Accuracy, step: Step, method: Method) -> ImporterError:
    """The error for a model of positive numbers whose very small inputs the recipe loses."""
    cause = (
        f"On positive inputs that are almost 0 (1e-8), the results of {step.title} are too far from "
        f"{reference(method)}: output '{accuracy.worst_channel}' is off by relative {accuracy.max_relative:.3g}. The "
        "smallest number of fp16 is 6e-8."
    )
    remedy = "Use xnnpack_fp32, or let the model add a small number such as 1e-4 before its logarithm or root."
    return ImporterError("ACCURACY_LOST", cause, remedy, "validate")


def nothing_compared(accuracy: Accuracy, name: str, methods: list[Method]) -> ImporterError:
    """The error for a comparison that would prove nothing: the reference itself returns no numbers."""
    share = f"{1 - accuracy.compared:.0%}"
    judge = reference(methods[0])
    cause = (
        f"{judge[0].upper()}{judge[1:]} returns NaN or infinity for {share} of the values of output '{name}' on the "
        "inputs that were tried, so there is nothing to compare the program with."
    )
    remedy = (
        "Give inputs for which the model returns numbers: as the example of torch.export.export, in example_inputs() "
        "of the factory's file, or as calibration data."
    )
    if weights := [key for method in methods for key, value in method.program.state_dict.items() if _has_nan(value)]:
        cause += f" Its weights have NaN: {listed(list(dict.fromkeys(weights)))}."
        remedy = "Take weights from before the training failed."
    return ImporterError("NOTHING_COMPARED", cause, remedy, "validate")


def _has_nan(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and bool(value.isnan().any())


def _remedy(step: Step) -> str:
    loosen = "raise max_relative_error"
    if step.recipe.needs_calibration:
        return f"Give calibration data that is like the real input, choose a finer recipe, or {loosen}."
    if step.recipe.changes_numbers:
        return f"Choose a finer recipe such as xnnpack_fp32, or {loosen}."
    return f"Try the recipe 'portable' to see whether the backend is at fault, or {loosen}."


def _has_dropout(program: ExportedProgram) -> bool:
    """Whether values are dropped at random, as in training."""
    nodes = [node for node in program.graph.nodes if "dropout" in str(node.target)]
    return any(item is True for node in nodes for item in node.args)


def _beyond(method: Method, arguments: Arguments, calibration: list[Arguments]) -> str:
    """Says which output leaves the range that it has with the calibration data, if one does: int8 has no values
    there, and no layer is to blame."""
    try:
        module = method.program.module(check_guards=False)
        seen = [_ranges(module, given) for given in calibration]
        for index, (low, high) in _ranges(module, arguments).items():
            lowest, highest = min(known[index][0] for known in seen), max(known[index][1] for known in seen)
            spare = _BEYOND * (highest - lowest)
            if low < lowest - spare or high > highest + spare:
                return (
                    f" Output '{method.outputs[index].name}' is {low:.3g} to {high:.3g} there, and {lowest:.3g} to "
                    f"{highest:.3g} with the calibration data: int8 has no values beyond."
                )
    except Exception:  # the error that is being built matters more
        return ""
    return ""


def _ranges(module: torch.nn.Module, arguments: Arguments) -> dict[int, tuple[float, float]]:
    """The smallest and the largest value of each float output in eager PyTorch."""
    with torch.no_grad():
        found = flatten_outputs(module(*arguments[0], **arguments[1]))
    floats = {index: value for index, value in enumerate(found) if value.is_floating_point() and value.numel()}
    return {index: (float(value.min()), float(value.max())) for index, value in floats.items()}


def _layers(
    method: Method,
    arguments: Arguments,
    calls: list[Arguments],
    prepared: dict[str, ExportedProgram],
    accuracy: Accuracy,
    limits: Limits,
) -> str:
    """calls: all that were compared, since only together they show which parts of an output are of another size."""
    if method.name not in prepared:
        return ""
    try:
        losses = worst(method, prepared[method.name], arguments)
        quantized = _in_pytorch(method, prepared[method.name], calls, limits)
    except Exception:  # the error that is being built matters more
        return ""
    if quantized.max_relative * _FAR < accuracy.max_relative:
        return (
            f" Quantization alone does not explain it: in PyTorch the quantized program is off by relative "
            f"{quantized.max_relative:.2g}, so the backend is at fault."
        )
    return f" Most is lost at {', '.join(str(loss) for loss in losses)}." if losses else ""


def _in_pytorch(method: Method, changed: ExportedProgram, calls: list[Arguments], limits: Limits) -> Accuracy:
    """How far the quantized program is from the original where no backend is at work."""
    found = Accuracy()
    modules = [program.module(check_guards=False) for program in (method.program, changed)]
    with torch.no_grad():
        for index, (positional, keyword) in enumerate(calls):
            left, right = (flatten_outputs(module(*positional, **keyword)) for module in modules)
            found.add(index, [], left, right)
    return found.judge(limits)
