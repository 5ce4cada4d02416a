"""PReLU as a product and a maximum, which XNNPACK runs. Importing this module imports torch.

XNNPACK has PReLU, but ExecuTorch's pass for its memory layout fails on it. ExecuTorch's own decomposition is a
comparison and a choice, which cut a delegate in two.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from importer.exporting.reexport import attribute, export_again, program_module, replace_by_module
from importer.model import Method

_PRELU = torch.ops.aten.prelu.default


def rewrite_prelu(method: Method) -> ExportedProgram:
    """The program with every PReLU of float32 whose weights are constants written so."""
    if not any(_is_prelu(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if not _is_prelu(node):
            continue
        value, weight = node.args
        if weight.op == "get_attr":
            inner = _Prelu(attribute(module, weight.target).detach(), value.meta["val"].dim())
            replace_by_module(module, node, f"prelu_{number}", inner, (value,))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _Prelu(nn.Module):
    """x where it is positive, weight * x elsewhere; the weights are for the second dimension."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        # Of two products the larger is the right one, unless a weight is above 1; 0 times infinity is NaN.
        self.is_larger = bool(((weight <= 1) & (weight != 0)).all())
        shape = [1] * rank
        if rank > 1:
            shape[1] = weight.numel()
        self.register_buffer("weight", weight.clone().reshape(shape))

    def forward(self, value: Tensor) -> Tensor:
        if self.is_larger:
            return torch.maximum(value, value * self.get_buffer("weight"))
        return torch.relu(value) - torch.relu(-value) * self.get_buffer("weight")


def _is_prelu(node: Any) -> bool:
    if node.op != "call_function" or node.target != _PRELU:
        return False
    return bool(node.args[0].meta["val"].dtype == torch.float32)
