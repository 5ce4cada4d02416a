"""torchao's quantizing written with plain operators where XNNPACK does not take it as it is. Imports torch.

ExecuTorch has no kernels for torchao's operators. XNNPACK takes them around a linear layer whose input is quantized as
it comes; they are left over of weights that alone are quantized, and of products that are summed in int8.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch._inductor.decomposition import decompositions
from torch.export import ExportedProgram
from torch.fx import Node

from importer.exporting.reexport import export_again, program_module, replace_by_module
from importer.model import Arguments, Method
from importer.options import ImportOptions

_CHOOSE, _QUANTIZE, _DEQUANTIZE = (
    "torchao.choose_qparams_affine",
    "torchao.quantize_affine",
    "torchao.dequantize_affine",
)
_LINEAR = torch.ops.aten.linear.default
_SUM_IN_INT = torch.ops.aten._int_mm.default


def plain(method: Method, _: Iterable[Arguments], __: ImportOptions, *, keep_layers: bool) -> ExportedProgram:
    """The program without torchao's operators. keep_layers: except around linear layers that XNNPACK takes."""
    if not any(_is_special(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    kept = _around_layers(module.graph) if keep_layers else set()
    for number, node in enumerate(list(module.graph.nodes)):
        if _is_special(node) and node not in kept:
            inner = _SumInFloat() if node.target == _SUM_IN_INT else _Plain(node.target)
            replace_by_module(module, node, f"plain_{number}", inner, node.args, node.kwargs)
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _Plain(nn.Module):
    """An operator of torchao by the function in Python that torchao registers for compilers."""

    def __init__(self, operator: Any) -> None:
        super().__init__()
        self._function = decompositions[operator]

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        return self._function(*arguments, **keywords)


class _SumInFloat(nn.Module):
    """Sums of up to 2 ** 24 are exact in float32; beyond it they are rounded as a float layer rounds them."""

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return torch.mm(left.to(torch.float32), right.to(torch.float32)).to(torch.int32)


def _around_layers(graph: torch.fx.Graph) -> set[Node]:
    """The operators around linear layers of which both inputs are dequantized, the first one of what was quantized."""
    kept: set[Node] = set()
    for node in graph.nodes:
        if node.op != "call_function" or node.target != _LINEAR:
            continue
        value, weight = node.args[:2]
        quantized: Any = value.args[0] if _is(value, _DEQUANTIZE) else None
        if not _is(quantized, _QUANTIZE) or not _is(weight, _DEQUANTIZE) or weight.args[0].op != "get_attr":
            continue
        chosen: list[Any] = [
            item.args[0] for item in quantized.args[2:4] if isinstance(item, Node) and item.op != "get_attr"
        ]
        if all(_is(item, _CHOOSE) for item in chosen):
            kept |= {value, weight, quantized, *chosen}
    return kept


def _is_special(node: Node) -> bool:
    return node.target == _SUM_IN_INT or any(_is(node, name) for name in (_CHOOSE, _QUANTIZE, _DEQUANTIZE))


def _is(node: Any, name: str) -> bool:
    return isinstance(node, Node) and node.op == "call_function" and str(node.target).startswith(name)
