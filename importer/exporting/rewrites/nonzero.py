"""`nonzero` as row-major positions. Importing this module imports torch.

Eager PyTorch's result lies column by column, and ExecuTorch's kernel writes row by row into such a tensor. Positions in
the flat tensor have one column, where both are the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from importer.exporting.reexport import export_again, program_module, replace_by_module
from importer.model import Method

_NONZERO = torch.ops.aten.nonzero.default


def rewrite_nonzero(method: Method) -> ExportedProgram:
    """The program with every `nonzero` of more than one dimension and fixed sizes written so."""
    if not any(_sizes(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if sizes := _sizes(node):
            replace_by_module(module, node, f"positions_{number}", _Positions(sizes), (node.args[0],))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _Positions(nn.Module):
    """`nonzero` of a tensor of these sizes: int64 [count, dimensions]."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, value: Tensor) -> Tensor:
        # Other operators compare the order of dimensions and refuse.
        flat = torch.nonzero(value.reshape(-1)).reshape(-1)
        columns = [
            torch.floor_divide(flat, math.prod(self.sizes[axis + 1 :])).remainder(size)
            for axis, size in enumerate(self.sizes)
        ]
        return torch.stack(columns, 1)


def _sizes(node: torch.fx.Node) -> list[int]:
    """The sizes of what `nonzero` looks at, when they are fixed and more than one."""
    if node.op != "call_function" or node.target != _NONZERO:
        return []
    argument = node.args[0]
    assert isinstance(argument, torch.fx.Node)
    sizes = list(argument.meta["val"].shape)
    return sizes if len(sizes) > 1 and all(isinstance(size, int) and size > 0 for size in sizes) else []
