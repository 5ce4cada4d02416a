"""A transposed convolution of one pixel as a linear layer. Importing this module imports torch.

Generators begin so. XNNPACK multiplies every pixel of the result with every tap of the kernel, all but one of which are
outside of the picture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.nn import functional

from importer.exporting.reexport import constant, export_again, program_module, replace_by_module
from importer.exporting.rewrites.transposed import transposed_arguments
from importer.model import Method


def rewrite_single_pixels(method: Method) -> ExportedProgram:
    """The program with every transposed convolution of one float32 pixel as a linear layer."""
    if not any(_is_of_one_pixel(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if not _is_of_one_pixel(node):
            continue
        weight_node, bias_node = transposed_arguments(node)[:2]
        weight, bias = constant(module, weight_node), constant(module, bias_node)
        if weight is not None and (bias is None) == (bias_node is None):
            replace_by_module(module, node, f"pixel_{number}", _FromPixel(weight, bias), (node.args[0],))
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


class _FromPixel(nn.Module):
    """conv_transpose2d of [batch, channels, 1, 1]; the weight is [in, out, height, width]."""

    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.shape = weight.shape[1:]
        self.register_buffer("weight", weight.flatten(1).t().contiguous())
        area = weight.shape[2] * weight.shape[3]
        self.register_buffer("bias", None if bias is None else bias.repeat_interleave(area))

    def forward(self, value: Tensor) -> Tensor:
        pixels = functional.linear(value.flatten(1), self.get_buffer("weight"), self.bias)
        return pixels.reshape(value.shape[0], *self.shape)


def _is_of_one_pixel(node: torch.fx.Node) -> bool:
    arguments = transposed_arguments(node)
    if arguments is None:
        return False
    given: Any = node.args
    value = given[0].meta["val"]
    padding, larger, groups = arguments[3:6]
    return bool(
        value.dtype == torch.float32
        and tuple(value.shape[2:]) == (1, 1)
        and isinstance(value.shape[0], int)
        and not any((*padding, *larger))
        and groups == 1
        and tuple(node.meta["val"].shape[2:]) == tuple(given[1].meta["val"].shape[2:])  # no gaps between the taps
    )
