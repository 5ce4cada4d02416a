"""Transposed convolutions with a stride as convolutions of the small picture. Importing this module imports torch.

A stride of s x s makes s * s pixels of each one. XNNPACK computes them one after the other, each with few products; one
convolution with s * s times the channels computes them at once, and the pixels are put in order afterwards
(arXiv 1609.07009). The products and their number are the same when the stride divides the kernel.
Measured on a processor with AVX2: 0.03 to 0.8 of the time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.nn import functional

from importer.exporting.reexport import constant, export_again, program_module, replace_by_module
from importer.exporting.rewrites.batch_norm import folded
from importer.exporting.rewrites.transposed import transposed_arguments
from importer.model import Method

_RELU = torch.ops.aten.relu.default


def rewrite_transposed(method: Method) -> ExportedProgram:
    """The program with every transposed convolution of float32 pictures of a fixed size written so."""
    if not any(_has_strides(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if _has_strides(node) and (written := _written(module, node)):
            last, inner = written
            replace_by_module(module, last, f"sub_pixels_{number}", inner, (node.args[0],))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _SubPixels(nn.Module):
    """conv_transpose2d with this weight [in, out, height, width], a stride, and what is cut off at the borders.

    The small picture is [batch, in, height, width], the result [batch, out, *size].
    """

    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: list[int], cut: list[int], size: list[int]) -> None:
        super().__init__()
        high, wide = self.stride = tuple(stride)
        self.cut, self.size, self.channels = tuple(cut), tuple(size), weight.shape[1]
        taps = self.taps = (-(-weight.shape[2] // high), -(-weight.shape[3] // wide))
        whole = functional.pad(weight, (0, taps[1] * wide - weight.shape[3], 0, taps[0] * high - weight.shape[2]))
        by_pixel = whole.reshape(weight.shape[0], self.channels, taps[0], high, taps[1], wide).flip(2, 4)
        turned = by_pixel.permute(3, 5, 1, 0, 2, 4).reshape(high * wide * self.channels, weight.shape[0], *taps)
        self.register_buffer("weight", turned.contiguous())
        self.register_buffer("bias", None if bias is None else bias.repeat(high * wide))
        self.relu = False

    def forward(self, value: Tensor) -> Tensor:
        borders = [taps - 1 for taps in self.taps]
        pixels = functional.conv2d(value, self.get_buffer("weight"), self.bias, padding=borders)
        pixels = functional.relu(pixels) if self.relu else pixels
        rows, columns = (value.shape[axis + 2] + borders[axis] for axis in (0, 1))
        high, wide = self.stride
        # With the channels last, as XNNPACK has them, whole runs of `wide` pixels are moved.
        lines = pixels.permute(0, 2, 3, 1).reshape(value.shape[0], rows, columns, high, wide * self.channels)
        picture = lines.permute(0, 1, 3, 2, 4).reshape(value.shape[0], rows * high, columns * wide, self.channels)
        top, left = self.cut
        picture = picture[:, top : top + self.size[0], left : left + self.size[1]]
        return picture.permute(0, 3, 1, 2)


def _has_strides(node: torch.fx.Node) -> bool:
    arguments = transposed_arguments(node)
    if arguments is None:
        return False
    given: Any = node.args
    value = given[0].meta["val"]
    stride, _, _, groups, dilation = arguments[2:]
    return bool(
        value.dtype == torch.float32
        and value.dim() == 4
        and all(isinstance(size, int) for size in value.shape)
        and max(stride) > 1
        and groups == 1
        and max(dilation) == 1
    )


def _written(module: torch.fx.GraphModule, node: torch.fx.Node) -> tuple[torch.fx.Node, _SubPixels] | None:
    """What computes the layer with the batch normalization and ReLU behind it, and the last of these nodes."""
    weight_node, bias_node, stride, padding = transposed_arguments(node)[:4]
    weight, bias = constant(module, weight_node), constant(module, bias_node)
    if weight is None or (bias is None) != (bias_node is None):
        return None
    given: Any = node.args
    small, size = given[0].meta["val"].shape[2:], list(node.meta["val"].shape[2:])
    for axis in (0, 1):
        taps = -(-weight.shape[axis + 2] // stride[axis])
        if padding[axis] + size[axis] > (small[axis] + taps - 1) * stride[axis]:  # output_padding reaches further
            return None
    last, weight, bias = folded(module, node, weight, bias, 1)
    inner = _SubPixels(weight, bias, list(stride), list(padding), size)
    user: Any = next(iter(last.users), None)
    if user is not None and len(last.users) == 1 and user.target == _RELU:
        inner.relu, last = True, user
    return last, inner
