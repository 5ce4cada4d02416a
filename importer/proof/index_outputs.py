"""Which outputs of a program are indices, such as those of argmax: near is not right for them. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram

_INDICES = ("argmax", "argmin", "argsort")
_WITH_INDICES = ("topk", "sort", "max", "min", "mode", "kthvalue", "median", "cummax", "cummin")
_MOVES = (
    "view", "reshape", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "select", "slice", "expand", "clone",
    "contiguous", "to", "_to_copy", "type_as", "flip", "cat", "stack",
)  # fmt: skip
_CALCULATES = ("add", "sub", "rsub", "mul", "div", "floor_divide", "remainder", "fmod", "clamp", "where", "masked_fill")
"""Of an index these make another one: a class counted from 1, a row and a column, a class or "none"."""
_LOOKS_UP = ("index", "gather", "index_select", "take", "embedding")
"""Of whole numbers in a table: the labels of classes."""


def index_outputs(program: ExportedProgram) -> set[int]:
    """The numbers of the outputs that are indices."""
    nodes = {node.name: node for node in program.graph.nodes}
    outputs = [spec.arg for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    return {
        index for index, argument in enumerate(outputs) if _is_index(nodes.get(getattr(argument, "name", "")), depth=0)
    }


def _is_index(node: Any, depth: int) -> bool:
    if not isinstance(node, torch.fx.Node) or node.op != "call_function" or depth > 16:
        return False
    kind = _kind(node)
    if kind == "getitem":
        return _kind(node.args[0]) in _WITH_INDICES and bool(node.args[1] == 1)
    if kind in _MOVES:
        value = node.args[0]
        parts = value if isinstance(value, (list, tuple)) else [value]
        return bool(parts) and all(_is_index(part, depth + 1) for part in parts)
    if kind in (*_CALCULATES, *_LOOKS_UP) and _is_whole(node):
        return any(_is_index(given, depth + 1) for given in node.all_input_nodes)
    return kind in _INDICES


def _is_whole(node: torch.fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and not value.is_floating_point()


def _kind(node: Any) -> str:
    if not isinstance(node, torch.fx.Node) or node.op != "call_function":
        return ""
    name = getattr(node.target, "__name__", str(node.target))
    return str(name).removeprefix("aten.").partition(".")[0]
