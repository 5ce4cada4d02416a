"""Reflecting, replicating and circular borders as parts of the tensor set side by side. Importing this imports torch.

torch.export writes such a border as an index for each element, which ExecuTorch computes at every call and follows
element by element. XNNPACK cuts and joins whole parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from importer.exporting.reexport import export_again, program_module, replace_by_module
from importer.model import Method

_PAD = torch.ops.aten.pad.default
_MOST_JOINED = 5  # XNNPACK's limit


def rewrite_borders(method: Method) -> ExportedProgram:
    """The program with the borders of every tensor of fixed sizes written so."""
    if not any(_border(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if border := _border(node):
            replace_by_module(module, node, f"border_{number}", border, (node.args[0],))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _Border(nn.Module):
    """`torch.nn.functional.pad` by `widths`: (before, after) of the last axis, then of the one before it, and so on."""

    def __init__(self, widths: list[tuple[int, int]], mode: str) -> None:
        super().__init__()
        self.widths = widths
        self.parts = _PARTS[mode]

    def forward(self, value: Tensor) -> Tensor:
        for number, (before, after) in enumerate(self.widths):
            axis = value.dim() - 1 - number
            first, last = self.parts(value, axis, before, after)
            if first or last:
                value = torch.cat([*_joined(first, axis), value, *_joined(last, axis)], axis)
        return value


_Parts = tuple[list[Tensor], list[Tensor]]


def _reflected(value: Tensor, axis: int, before: int, after: int) -> _Parts:
    size = value.shape[axis]
    first, last = value.narrow(axis, 1, before), value.narrow(axis, size - 1 - after, after)
    return _turned(first, axis), _turned(last, axis)


def _replicated(value: Tensor, axis: int, before: int, after: int) -> _Parts:
    # XNNPACK does not join a tensor with itself.
    end = value.shape[axis] - 1
    return [value.narrow(axis, 0, 1) for _ in range(before)], [value.narrow(axis, end, 1) for _ in range(after)]


def _circular(value: Tensor, axis: int, before: int, after: int) -> _Parts:
    size = value.shape[axis]
    first, last = value.narrow(axis, size - before, before), value.narrow(axis, 0, after)
    return [first] if before else [], [last] if after else []


_PARTS: dict[str, Callable[[Tensor, int, int, int], _Parts]] = {
    "reflect": _reflected,
    "replicate": _replicated,
    "circular": _circular,
}


def _turned(part: Tensor, axis: int) -> list[Tensor]:
    """A part in the opposite order, as slices where they are few."""
    size = part.shape[axis]
    if size > _MOST_JOINED:
        return [part.flip(axis)]
    return [part.narrow(axis, position, 1) for position in reversed(range(size))]


def _joined(parts: list[Tensor], axis: int) -> list[Tensor]:
    return [torch.cat(parts, axis)] if len(parts) > 1 else parts


def _border(node: torch.fx.Node) -> _Border | None:
    """The border that a node adds, when its sizes are fixed and it only makes the tensor larger."""
    if node.op != "call_function" or node.target != _PAD:
        return None
    given: Any = (*node.args, *node.kwargs.values())
    value, flat = given[0].meta["val"], given[1]
    mode = given[2] if len(given) > 2 else "constant"
    widths = list(zip(flat[::2], flat[1::2], strict=True))
    sizes = list(reversed(value.shape))
    is_fixed = all(isinstance(size, int) and size > 0 for size in (*sizes, *(2 + width for width in flat)))
    if mode not in _PARTS or not is_fixed or any(width < 0 for width in flat):
        return None
    # More copies of the first or the last value than XNNPACK joins stay as they are.
    if mode == "replicate" and max(flat) > _MOST_JOINED:
        return None
    return _Border(widths, mode)
