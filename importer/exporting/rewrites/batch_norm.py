"""The batch normalization behind a layer, as part of the layer's weights. Importing this module imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from importer.exporting.reexport import constant

_BATCH_NORM = torch.ops.aten.batch_norm.default


def folded(
    module: torch.fx.GraphModule, node: torch.fx.Node, weight: Tensor, bias: Tensor | None, axis: int
) -> tuple[torch.fx.Node, Tensor, Tensor | None]:
    """The last node that the layer stands for then, its weight and its bias.

    axis: of the output channels in the weight. What is not followed by a batch normalization alone stays as it is.
    """
    user: Any = next(iter(node.users), None)
    if user is None or len(node.users) > 1 or user.target != _BATCH_NORM or user.args[5]:
        return node, weight, bias
    scale, offset, mean, variance = (constant(module, argument) for argument in user.args[1:5])
    if mean is None or variance is None:
        return node, weight, bias
    factor = torch.rsqrt(variance + user.args[7]) * (1 if scale is None else scale)
    shift = ((0 if bias is None else bias) - mean) * factor + (0 if offset is None else offset)
    along = [1] * weight.dim()
    along[axis] = -1
    return user, weight * factor.reshape(along), shift
