"""The integers that made-up inputs may have: what the graph says of them, and what the model accepts. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram

from importer.exporting.state import restore, snapshot
from importer.inputs.samples import copied, flatten_outputs, inputs_of, with_tensors
from importer.model import Arguments, Bounds, Method
from importer.signature import TensorSpec

_SMALL: dict[str, Bounds] = {
    "uint8": ((0, 255), (0, 127), (128, 255)),  # pictures of all kinds, dark ones, bright ones
    "int8": ((-128, 127),),
    "int16": ((-32768, 32767),),
}
_WIDE = ("int32", "int64")
_LARGEST = (255, 127, 63, 31, 15, 7, 3, 1)
_FEW = (1, 7)  # a count and a class are small numbers
_KEEP_VALUES = [
    "view",
    "reshape",
    "to",
    "_to_copy",
    "unsqueeze",
    "squeeze",
    "slice",
    "select",
    "clone",
    "expand",
    "permute",
]


def bounds_of(program: ExportedProgram, example: Arguments, inputs: list[TensorSpec]) -> list[Bounds]:
    """For each input the integers that a made-up one may have: of an index those below the rows that it selects from,
    of bytes and short integers all of them, of a picture in wide integers those of bytes, else those of the example.
    Bools and floats do not look at theirs."""
    rows, flat = _rows(program), inputs_of(example)
    bounds: list[Bounds] = []
    for position, (spec, name) in enumerate(zip(inputs, map(str, program.graph_signature.user_inputs), strict=True)):
        known = flat[position] if position < len(flat) else None
        low = high = 0
        if known is not None and known.numel() and not known.dtype.is_floating_point:
            low, high = int(known.min()), int(known.max())
        if spec.dtype == "bool":
            bounds.append(((0, 1),))
        elif name in rows:
            bounds.append(((low, max(low, high, rows[name] - 1)),))
        elif spec.dtype in _SMALL:
            bounds.append(_SMALL[spec.dtype])
        elif low == high and spec.dtype in _WIDE and _is_number(program, name):
            bounds.append(((0, 255),))
        else:
            bounds.append(((low, high),))
    return bounds


def tried(method: Method) -> list[Bounds]:
    """The bounds; of a wide integer whose example has one value and of which the graph says nothing, those that eager
    PyTorch accepts, found by calling it."""
    flat = inputs_of(method.example)
    found = list(method.bounds)
    for position, (spec, ranges) in enumerate(zip(method.inputs, method.bounds, strict=True)):
        low, high = ranges[0]
        if spec.dtype not in _WIDE or low != high or not flat[position].numel():
            continue
        largest = next((value for value in _LARGEST if value > high and _accepts(method, position, value)), high)
        smallest = 0 if low <= 0 or _accepts(method, position, 0) else low
        if largest > high or smallest < low:
            found[position] = (*((smallest, few) for few in _FEW if smallest < few < largest), (smallest, largest))
    return found


def _accepts(method: Method, position: int, value: int) -> bool:
    """Whether a call with this value everywhere in one input, beside the example, gives as many numbers as the
    example."""
    tensors = inputs_of(copied(method.example))
    saved = snapshot(method)
    try:
        usual = _count_numbers(method, tensors)
        restore(method, saved)
        tensors = inputs_of(copied(method.example))
        tensors[position].fill_(value)
        return _count_numbers(method, tensors) >= usual
    except Exception:  # whatever a model raises
        return False
    finally:
        restore(method, saved)


def _count_numbers(method: Method, tensors: list[torch.Tensor]) -> int:
    positional, keyword = with_tensors(method.example, tensors)
    with torch.no_grad():
        outputs = flatten_outputs(method.eager(*positional, **keyword))
    return sum(int(value.isfinite().sum()) for value in outputs)


def _is_number(program: ExportedProgram, name: str) -> bool:
    """Whether an integer input is made a float: then it is an amount, such as a pixel's, and no index."""
    kept = [node for node in program.graph.nodes if node.op == "placeholder" and node.name == name]
    for node in kept:
        for user in node.users:
            value = user.meta.get("val")
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                return True
            if any(f"aten.{word}." in str(user.target) for word in _KEEP_VALUES):
                kept.append(user)
    return False


def _rows(program: ExportedProgram) -> dict[str, int]:
    """Input -> how many rows the smallest table has that it is an index of."""
    rows: dict[str, int] = {}
    for node in program.graph.nodes:
        for table, index, axis in _selections(node):
            count = table.meta["val"].shape[axis]
            for origin in _origins(index) if isinstance(count, int) else ():
                rows[origin] = min(rows.get(origin, count), count)
    return rows


def _selections(node: torch.fx.Node) -> list[tuple[torch.fx.Node, Any, int]]:
    """(table, index, axis) of an operator that selects by an index."""
    kind = str(node.target).removeprefix("aten.").partition(".")[0] if node.op == "call_function" else ""
    arguments = list(node.args)
    if "embedding" in kind and len(arguments) > 1:
        return [(arguments[0], arguments[1], 0)]  # type: ignore[list-item]
    if kind in ("index_select", "gather", "index_copy", "index_add", "scatter", "scatter_add") and len(arguments) > 2:
        return [(arguments[0], arguments[2], arguments[1])]  # type: ignore[list-item]
    if kind in ("index", "index_put", "_unsafe_index") and isinstance(arguments[1], (list, tuple)):
        return [(arguments[0], index, axis) for axis, index in enumerate(arguments[1]) if index is not None]  # type: ignore[misc]
    return []


def _origins(node: Any, depth: int = 0) -> list[str]:
    """The inputs that an index comes from through operations that keep values."""
    if not isinstance(node, torch.fx.Node) or depth > 6:
        return []
    if node.op == "placeholder":
        return [node.name]
    kept = any(f"aten.{word}." in str(node.target) for word in _KEEP_VALUES)
    return _origins(node.args[0], depth + 1) if kept and node.args else []
