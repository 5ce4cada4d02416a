"""Nearest upsampling before a convolution as one transposed convolution. Importing this module imports torch.

XNNPACK has no nearest upsampling, and a convolution on repeated pixels multiplies each of them several times: the sums
of the weights that meet one pixel are known before. Twice the size and 3 x 3 become 4 products in place of 9.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.nn import functional

from importer.exporting.reexport import attribute, export_again, program_module, replace_by_module
from importer.model import Method

_NEAREST = torch.ops.aten.upsample_nearest2d.vec
_CONVOLUTION = torch.ops.aten.conv2d.default


def rewrite_upsampling(method: Method) -> ExportedProgram:
    """The program with every convolution of float32 pictures that were enlarged by whole numbers written so."""
    if not any(_scales(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if scales := _scales(node):
            inner = _written(module, node, scales)
            if inner is not None:
                small = _large(node).args[0]
                replace_by_module(module, node, f"enlarged_{number}", inner, (small,))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _Enlarged(nn.Module):
    """A convolution with a stride of 1 on a picture that is enlarged by `scales`; the weight is conv2d's."""

    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, padding: list[int], scales: tuple[int, int]) -> None:
        super().__init__()
        self.stride = scales
        self.padding = [weight.shape[axis + 2] - 1 - padding[axis] for axis in (0, 1)]
        turned = weight.flip(2, 3).transpose(0, 1)
        high, wide = turned.shape[2:]
        sums = turned.new_zeros(*turned.shape[:2], high + scales[0] - 1, wide + scales[1] - 1)
        for row in range(scales[0]):
            for column in range(scales[1]):
                sums[:, :, row : row + high, column : column + wide] += turned
        self.register_buffer("weight", sums)
        self.register_buffer("bias", bias)

    def forward(self, value: Tensor) -> Tensor:
        return functional.conv_transpose2d(value, self.get_buffer("weight"), self.bias, self.stride, self.padding)


def _large(node: torch.fx.Node) -> Any:
    return node.args[0]


def _scales(node: torch.fx.Node) -> tuple[int, int] | None:
    """By how much the picture of a convolution is enlarged before it, when nothing else uses the larger one."""
    if node.op != "call_function" or node.target != _CONVOLUTION:
        return None
    large = _large(node)
    if large.target != _NEAREST or len(large.users) > 1 or large.meta["val"].dtype != torch.float32:
        return None
    before, after = large.args[0].meta["val"].shape[2:], large.meta["val"].shape[2:]
    if not all(isinstance(size, int) for size in (*before, *after)) or any(
        big % small for small, big in zip(before, after, strict=True)
    ):
        return None
    return after[0] // before[0], after[1] // before[1]


def _written(module: torch.fx.GraphModule, node: torch.fx.Node, scales: tuple[int, int]) -> _Enlarged | None:
    defaults = (None, None, [1, 1], [0, 0], [1, 1], 1)
    given: Any = node.args[1:]
    filled: Any = (*given, *defaults[len(given) :])
    weight, bias, stride, padding, dilation, groups = filled
    plain = list(stride) == [1, 1] and list(dilation) == [1, 1] and groups == 1 and not isinstance(padding, str)
    if not plain or any(part is not None and part.op != "get_attr" for part in (weight, bias)):
        return None
    values = attribute(module, weight.target).detach()
    if any(padding[axis] > values.shape[axis + 2] - 1 for axis in (0, 1)):
        return None
    shift = None if bias is None else attribute(module, bias.target).detach()
    return _Enlarged(values, shift, list(padding), scales)
