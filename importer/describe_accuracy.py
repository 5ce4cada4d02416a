"""Says of a failed comparison what was worst. Imports torch."""

from __future__ import annotations

from importer.accuracy import Accuracy
from importer.errors import ImporterError
from importer.model import Arguments, Method
from importer.samples import inputs_of


def lost(
    accuracy: Accuracy, calls: list[tuple[Method, Arguments]], absolute: float | None, relative: float, title: str
) -> ImporterError:
    """The error for results that are too far from eager."""
    method, arguments = calls[min(accuracy.worst_sample, len(calls) - 1)]
    off = f"{accuracy.max_absolute:.3g} (relative {accuracy.max_relative:.3g}"
    shapes = ", ".join(str(list(value.shape)) for value in inputs_of(arguments))
    limits = f"relative {relative:g}" + (f", absolute {absolute:g}" if absolute is not None else "")
    cause = (
        f"The results of {title} are too far from eager PyTorch: output '{accuracy.worst_output}' of '{method.name}' "
        f"on inputs of {shapes} is off by {off}; allowed: {limits})."
    )
    remedy = "Give calibration data that is like the real input, choose a finer recipe, or raise max_relative_error."
    return ImporterError("ACCURACY_LOST", cause, remedy, "validate")
