"""Group and instance normalization in operators that XNNPACK has. Importing this module imports torch.

XNNPACK has neither, so that each of them ran on an ExecuTorch kernel and cut a delegate in two, with two
transposes at each cut. Written as means, products and sums they stay in one delegate, with what follows them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.nn import functional

from importer.exporting.reexport import attribute, export_again, program_module, replace_by_module
from importer.model import Method

_GROUP = torch.ops.aten.group_norm.default
_INSTANCE = torch.ops.aten.instance_norm.default


def rewrite_norms(method: Method) -> ExportedProgram:
    """The program with every group and instance normalization of float32 pictures that can be written so."""
    if not any(_can_rewrite(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        inner = _written(module, node) if _can_rewrite(node) else None
        if inner is not None:
            replace_by_module(module, node, f"norm_{number}", inner, (node.args[0],))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _Norm(nn.Module):
    """(x - mean) / sqrt(variance + epsilon) * weight + bias of [batch, channels, height, width], the mean and variance
    over each picture's groups of channels."""

    def __init__(self, channels: int, groups: int, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> None:
        super().__init__()
        each = channels // groups
        # The means of a group's channels are averaged, and spread to all of them, by a convolution of one pixel.
        average = torch.kron(torch.eye(groups), torch.full((each, each), 1 / each)).reshape(channels, channels, 1, 1)
        self.register_buffer("average", average if each > 1 else None)
        self.register_buffer("epsilon", torch.full((1, channels, 1, 1), epsilon))
        one, zero = torch.ones(channels), torch.zeros(channels)
        self.register_buffer("weight", (one if weight is None else weight.detach().clone()).reshape(1, -1, 1, 1))
        self.register_buffer("bias", (zero if bias is None else bias.detach().clone()).reshape(1, -1, 1, 1))

    def forward(self, value: Tensor) -> Tensor:
        away = value - self._mean(value)
        deviation = torch.rsqrt(self._mean(away * away) + self.get_buffer("epsilon"))
        return away * (deviation * self.get_buffer("weight")) + self.get_buffer("bias")

    def _mean(self, value: Tensor) -> Tensor:
        mean = value.mean((2, 3), keepdim=True)
        return mean if self.average is None else functional.conv2d(mean, self.get_buffer("average"))


def _can_rewrite(node: torch.fx.Node) -> bool:
    if node.op != "call_function" or node.target not in (_GROUP, _INSTANCE):
        return False
    value = node.args[0].meta["val"]  # type: ignore[union-attr]
    if value.dim() != 4 or value.dtype != torch.float32 or not isinstance(value.shape[1], int):
        return False
    return node.target == _GROUP or bool(node.args[5])  # an instance norm may use running statistics


def _written(module: torch.fx.GraphModule, node: torch.fx.Node) -> _Norm | None:
    channels = node.args[0].meta["val"].shape[1]  # type: ignore[union-attr]
    if node.target == _GROUP:
        groups, weight, bias, epsilon = (_argument(node, index, name) for index, name in _OF_GROUP)
    else:
        groups, weight, bias, epsilon = channels, node.args[1], node.args[2], node.args[7]
    if any(given is not None and given.op != "get_attr" for given in (weight, bias)):
        return None
    scale, shift = (None if given is None else attribute(module, given.target) for given in (weight, bias))
    return _Norm(channels, groups, scale, shift, 1e-5 if epsilon is None else epsilon)


_OF_GROUP = ((1, "num_groups"), (2, "weight"), (3, "bias"), (4, "eps"))


def _argument(node: torch.fx.Node, index: int, name: str) -> Any:
    return node.args[index] if len(node.args) > index else node.kwargs.get(name)
