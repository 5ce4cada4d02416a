"""Layers over three spatial dimensions, for which ExecuTorch has no kernels, as layers over two. Imports torch.

A convolution takes the slices of the third dimension that it reaches as further channels of one over two dimensions; a
pooling goes over two dimensions and then over the third.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.nn import functional

from importer.errors import ImporterError
from importer.exporting.reexport import attribute, export_again, program_module, replace_by_module
from importer.exporting.rewrites.batch_norm import folded
from importer.model import Method

_ATEN = torch.ops.aten
_POOLS = ("max_pool3d", "avg_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d", "max_pool3d_with_indices")
_CONVOLUTIONS = ("conv3d", "conv_transpose3d", "convolution", "_convolution")


def rewrite_three_dimensions(method: Method) -> ExportedProgram:
    """The program with its layers over three dimensions as layers over two.

    Raises OPERATOR_MISSING for those that cannot be: the runtime says so only when it runs, as an invalid argument.
    """
    if not any(_name(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    left = []
    for number, node in enumerate(list(module.graph.nodes)):
        if not (name := _name(node)):
            continue
        found = _written(module, node)
        if found is None:
            left.append(name)
        else:
            last, inner = found
            replace_by_module(module, last, f"volume_{number}", inner, (node.args[0],))
    if left:
        names = ", ".join(dict.fromkeys(left))
        cause = f"'{method.name}' has layers over three dimensions ({names}); ExecuTorch has no kernels for them."
        remedy = "Use layers for two dimensions: the slices of the third as a batch, or its values as channels."
        raise ImporterError("OPERATOR_MISSING", cause, remedy, "export")
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _Convolution(nn.Module):
    """conv3d of [batch, channels, depth, height, width]; the weight is [out, in / groups, depth, height, width]."""

    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any) -> None:
        super().__init__()
        self.depth = weight.shape[2]
        flat = weight.transpose(1, 2).reshape(weight.shape[0], -1, *weight.shape[3:])
        self.register_buffer("weight", flat.contiguous())
        self.register_buffer("bias", bias)
        self.stride, self.padding, self.dilation = _three(stride), _three(padding), _three(dilation)

    def forward(self, value: Tensor) -> Tensor:
        stride, padding, dilation = self.stride, self.padding, self.dilation
        slices = value.transpose(1, 2)  # [batch, depth, channels, height, width]
        if padding[0]:
            slices = functional.pad(slices, (0, 0, 0, 0, 0, 0, padding[0], padding[0]))
        count = (slices.shape[1] - dilation[0] * (self.depth - 1) - 1) // stride[0] + 1
        reached = [
            slices[:, first : first + (count - 1) * stride[0] + 1 : stride[0]]
            for first in range(0, dilation[0] * self.depth, dilation[0])
        ]
        joined = torch.cat(reached, 2) if len(reached) > 1 else reached[0]
        pictures = joined.reshape(-1, *joined.shape[2:])
        made = functional.conv2d(pictures, self.get_buffer("weight"), self.bias, stride[1:], padding[1:], dilation[1:])
        return made.reshape(value.shape[0], -1, *made.shape[1:]).transpose(1, 2)


class _Pool(nn.Module):
    """max_pool3d or avg_pool3d: over height and width, then over depth."""

    def __init__(self, pool: Callable[..., Tensor], *settings: Sequence[int]) -> None:
        super().__init__()
        self.pool: Callable[..., Tensor] = pool
        self.flat = tuple(setting[1:] for setting in settings)
        self.deep = tuple((setting[0], neutral) for setting, neutral in zip(settings, (1, 1, 0, 1), strict=False))

    def forward(self, value: Tensor) -> Tensor:
        batch, channels, depth, height, width = value.shape
        flat = self.pool(value.reshape(batch * channels, depth, height, width), *self.flat)
        high, wide = flat.shape[2:]
        deep = self.pool(flat.reshape(batch, channels, depth, high * wide), *self.deep)
        return deep.reshape(batch, channels, deep.shape[2], high, wide)


class _Mean(nn.Module):
    """adaptive_avg_pool3d to one value."""

    def forward(self, value: Tensor) -> Tensor:
        batch, channels, depth = value.shape[:3]
        mean = value.reshape(batch, channels, depth, -1).mean((2, 3), keepdim=True)
        return mean.reshape(batch, channels, 1, 1, 1)


def _written(module: torch.fx.GraphModule, node: torch.fx.Node) -> tuple[torch.fx.Node, nn.Module] | None:
    """A module that computes the layer from its first argument, and the node whose result it gives."""
    if _shape(node.args[0]) is None:
        return None
    if node.target == _ATEN.conv3d.default:
        return _convolution(module, node)
    if node.target == _ATEN.max_pool3d.default:
        kernel, stride, padding, dilation, ceil = _filled(node, (None, [], 0, 1, False))
        kernel = _three(kernel)
        settings = (kernel, _three(stride or kernel), _three(padding), _three(dilation))
        return None if ceil else (node, _Pool(functional.max_pool2d, *settings))
    if node.target == _ATEN.avg_pool3d.default:
        kernel, stride, padding, ceil, counts, divisor = _filled(node, (None, [], 0, False, True, None))
        kernel, padding = _three(kernel), _three(padding)
        exact = not ceil and divisor is None and (counts or not any(padding))
        return (node, _Pool(functional.avg_pool2d, kernel, _three(stride or kernel), padding)) if exact else None
    if node.target == _ATEN.adaptive_avg_pool3d.default and list(node.args[1]) == [1, 1, 1]:  # type: ignore[arg-type]
        return node, _Mean()
    return None


def _convolution(module: torch.fx.GraphModule, node: torch.fx.Node) -> tuple[torch.fx.Node, nn.Module] | None:
    """A convolution with the batch normalization that follows it, which would be a layer over three dimensions too."""
    given, bias, stride, padding, dilation, groups = _filled(node, (None, None, 1, 0, 1, 1))
    constant = given.op == "get_attr" and (bias is None or bias.op == "get_attr")
    if groups != 1 or not constant or isinstance(padding, str):
        return None
    weight = attribute(module, given.target).detach()
    shift = None if bias is None else attribute(module, bias.target).detach()
    last, weight, shift = folded(module, node, weight, shift, 0)
    return last, _Convolution(weight, shift, stride, padding, dilation)


def _filled(node: torch.fx.Node, defaults: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments after the first one."""
    given = tuple(node.args[1:])
    return (*given, *defaults[len(given) :])


def _three(value: Any) -> tuple[int, int, int]:
    sizes = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return sizes if len(sizes) == 3 else sizes * 3


def _shape(node: Any) -> Any:
    """The shape of a batch of volumes; None for anything else."""
    value = node.meta.get("val") if isinstance(node, torch.fx.Node) else None
    return value.shape if isinstance(value, torch.Tensor) and value.dim() == 5 else None


def _name(node: torch.fx.Node) -> str:
    kind = str(node.target).removeprefix("aten.").partition(".")[0] if node.op == "call_function" else ""
    if kind in _POOLS:
        return f"aten::{kind}"
    is_volume = bool(node.args) and _shape(node.args[0]) is not None
    return f"aten::{kind}" if kind in _CONVOLUTIONS and is_volume else ""
