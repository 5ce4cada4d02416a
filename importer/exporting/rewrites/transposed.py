"""The arguments of a transposed convolution over two dimensions in a graph. Importing this module imports torch."""

from __future__ import annotations

from typing import Any

import torch

_TRANSPOSED = torch.ops.aten.conv_transpose2d.input
_DEFAULTS = (None, None, [1, 1], [0, 0], [0, 0], 1, [1, 1])


def transposed_arguments(node: torch.fx.Node) -> Any:
    """Weight, bias, stride, padding, output padding, groups and dilation; None for every other node."""
    if node.op != "call_function" or node.target != _TRANSPOSED:
        return None
    given: Any = node.args[1:]
    return (*given, *_DEFAULTS[len(given) :])
