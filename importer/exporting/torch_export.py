"""torch.export with our errors, and ranges in the form that it needs. Imports torch."""

from __future__ import annotations

import inspect
import re
import threading
import traceback
from typing import Any

import torch
import torch._dynamo
from torch.export import Dim, ExportedProgram

from importer.errors import ImporterError, broken_package
from importer.exporting.packed import packed_error
from importer.inputs import nested
from importer.inputs.samples import inputs_of
from importer.model import SourceMethod
from importer.signature import Dimension, TensorSpec

ONE_AT_A_TIME = threading.RLock()
"""torch.export keeps its state in the process: two threads of a person's script would disturb each other."""
_MOST_WORDS = 600
_MULTIPLE = re.compile(r"\b(\w+) = (\d+)\*_\1\b")  # torch's suggestion
_READS_KEY = "it reads the key"


def export_module(module: torch.nn.Module, method: SourceMethod, shapes: Any = None) -> ExportedProgram:
    """torch.export with our errors. The module is copied: export may leave traces in it."""
    if type(module).forward is torch.nn.Module.forward:
        cause = f"{type(module).__name__} has no method forward(), so there is nothing to export."
        remedy = "Write forward(), or let the factory's file have methods(), which names the methods of the program."
        raise ImporterError("FORWARD_MISSING", cause, remedy, "export")
    positional, keyword = method.example
    dynamic = shapes or method.dynamic_shapes or dynamic_shapes(method.declared, module, method.example)
    try:
        return export_afresh(module, positional, keyword, dynamic)
    except ImporterError:  # the importer's own module knows better what it cannot compute
        raise
    except Exception as error:
        raise broken_package(error, "export") or _export_error(error, method, module) from error


def export_afresh(
    module: torch.nn.Module, positional: tuple[Any, ...], keyword: dict[str, Any] | None, shapes: Any
) -> ExportedProgram:
    """torch.export as in a new process: what it remembers of a loop's sizes in earlier exports ("not 20 steps") would
    narrow the ranges of this one."""
    # Mutable buffers cannot be written to while gradients are recorded.
    with ONE_AT_A_TIME, torch.no_grad():
        torch._dynamo.reset()
        return torch.export.export(module, positional, keyword, dynamic_shapes=shapes, strict=False)


def dynamic_shapes(declared: list[TensorSpec], module: torch.nn.Module, example: Any) -> Any:
    """torch.export's form of the declared ranges, which are in the example's order; nothing when all sizes are
    fixed."""
    if not any(dimension.is_dynamic for spec in declared for dimension in spec.dimensions):
        return None
    dims: dict[str, Any] = {}

    def symbol(dimension: Dimension, place: str) -> Any:
        name = dimension.name or place
        return dims.setdefault(name, Dim(name, min=dimension.minimum, max=dimension.maximum))

    shapes = tuple(
        {axis: symbol(item, f"input_{index}_{axis}") for axis, item in enumerate(spec.dimensions) if item.is_dynamic}
        or None
        for index, spec in enumerate(declared)
    )
    if isinstance(module, torch.jit.ScriptModule):
        return shapes
    positional, keywords = nested.in_structure(example, shapes)
    signature = inspect.signature(module.forward)
    if any(item.kind is inspect.Parameter.VAR_KEYWORD for item in signature.parameters.values()):
        cause = "forward takes `**keywords`, for which torch.export cannot let sizes vary."
        remedy = "Name the arguments in forward, or let it take a dictionary; or declare fixed sizes."
        raise ImporterError("DYNAMIC_SHAPE_REFUSED", cause, remedy, "export")
    # By name, as torch binds them: what `*arguments` takes is one value.
    bound = signature.bind(*positional, **keywords).arguments
    return {name: nested.data_classes_as_lists(value) for name, value in bound.items()}


def _export_error(error: Exception, method: SourceMethod, module: torch.nn.Module) -> ImporterError:
    text = str(error).strip()
    first = text.splitlines()[0][:300] if text else type(error).__name__
    kind = type(error).__name__
    log = traceback.format_exc()
    if packed := packed_error(method.name, module, method.example, log):
        return packed
    if kind == "GuardOnDataDependentSymNode" or "data-dependent" in text.lower():
        cause = f"The method '{method.name}' branches on the values of tensors, which cannot be exported: {first}"
        remedy = "Write the branch with torch.where or torch.cond; the log names the line."
        return ImporterError("EXPORT_DATA_DEPENDENT", cause, remedy, "export", log)
    if "specialized" in text or "Constraints violated" in text:
        cause = f"A dynamic dimension of '{method.name}' cannot vary as declared: {_sentence(text)}"
        remedy = "Make this dimension fixed, or change its range."
        if found := _MULTIPLE.search(text):
            remedy = f"The model takes only multiples of {found[2]} as '{found[1]}', which a range cannot say: fix it."
        return ImporterError("DYNAMIC_SHAPE_REFUSED", cause, remedy, "export", log)
    refusal = _eager_refusal(module, method)
    if refusal:
        shapes = ", ".join(str(list(value.shape)) for value in inputs_of(method.example))
        cause = f"The method '{method.name}' does not accept the inputs {shapes or 'given'}: {refusal}"
        remedy = "Correct the option 'inputs' or example_inputs()."
        if refusal.startswith(_READS_KEY):
            remedy = (
                "Name the inputs by their keys, or let example_inputs() return them in the form that forward takes."
            )
        return ImporterError("INPUTS_MISMATCH", cause, remedy, "export", log)
    cause = f"torch.export cannot export '{method.name}': {kind}: {first}"
    return ImporterError("EXPORT_FAILED", cause, "The log has the place in the model's code.", "export", log)


def _eager_refusal(module: torch.nn.Module, method: SourceMethod) -> str:
    """The error of eager PyTorch for the example; empty when it accepts it."""
    try:
        with torch.no_grad():
            module(*method.example[0], **method.example[1])
    except KeyError as error:
        return f"{_READS_KEY} {error}, which no dictionary of the inputs has."
    except Exception as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    return ""


def _sentence(text: str) -> str:
    """The constraint that is violated, with the reason that stands in the lines below it."""
    lines = [line.strip(" -") for line in text.splitlines() if line.strip(" -")]
    begin = next((i for i, line in enumerate(lines) if "specialized" in line or "Constraints" in line), 0)
    told = [line for line in lines[begin:] if not line.startswith(("For more information", "Suggested fixes:"))]
    return " ".join(told)[:_MOST_WORDS]
