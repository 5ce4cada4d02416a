"""Operators whose kernel computes something else than eager PyTorch, or whose twin alone can be lowered. Importing this
module imports torch.

XNNPACK computes the tanh form of GELU with erf. ExecuTorch's remainder of integers has the sign of the dividend. The
shifts of Python's operators have names of their own. In `table[index]` an index of one number becomes a Python number,
which cannot be lowered.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from importer.exporting.reexport import export_again, program_module, replace_by_module
from importer.model import Method

_ATEN = torch.ops.aten
_TWINS = {
    _ATEN.__lshift__.Scalar: _ATEN.bitwise_left_shift.Tensor_Scalar,
    _ATEN.__lshift__.Tensor: _ATEN.bitwise_left_shift.Tensor,
    _ATEN.__rshift__.Scalar: _ATEN.bitwise_right_shift.Tensor_Scalar,
    _ATEN.__rshift__.Tensor: _ATEN.bitwise_right_shift.Tensor,
}
_REMAINDERS = (_ATEN.remainder.Scalar, _ATEN.remainder.Tensor)


def rewrite_other_kernels(method: Method) -> ExportedProgram:
    """The program with each of them written with operators that give eager PyTorch's results."""
    if not any(_replacement(node) or node.target in _TWINS for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if node.target in _TWINS:
            node.target = _TWINS[node.target]
        elif inner := _replacement(node):
            replace_by_module(module, node, f"written_{number}", inner, _arguments(node))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _TanhGelu(nn.Module):
    def forward(self, value: Tensor) -> Tensor:
        inner = (value + value * value * value * 0.044715) * math.sqrt(2 / math.pi)
        return value * 0.5 * (torch.tanh(inner) + 1)


class _Remainder(nn.Module):
    def forward(self, value: Tensor, divisor: Any) -> Tensor:
        rounded: Tensor = torch.floor_divide(value, divisor) * divisor
        return value - rounded


class _Row(nn.Module):
    """One entry of a dimension; a negative index counts from its end."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, value: Tensor, index: Tensor) -> Tensor:
        index = torch.where(index < 0, index + value.shape[self.dimension], index)
        return value.index_select(self.dimension, index.reshape(1)).squeeze(self.dimension)


def _arguments(node: torch.fx.Node) -> tuple[Any, ...]:
    if node.target == _ATEN.select.int:
        return node.args[0], node.args[2].args[0]  # type: ignore[union-attr]
    return node.args[:1] if node.target == _ATEN.gelu.default else node.args[:2]


def _replacement(node: torch.fx.Node) -> nn.Module | None:
    if node.op != "call_function":
        return None
    if node.target == _ATEN.select.int and getattr(node.args[2], "target", None) == _ATEN.item.default:
        return _Row(int(node.args[1]))  # type: ignore[arg-type]
    if node.target == _ATEN.gelu.default and node.kwargs.get("approximate") == "tanh":
        return _TanhGelu()
    if node.target in _REMAINDERS and not node.meta["val"].dtype.is_floating_point:
        return _Remainder()
    return None
