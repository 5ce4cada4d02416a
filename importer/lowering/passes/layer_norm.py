"""Puts our kernel in the place of layer normalization, which XNNPACK does not have. Imports torch."""

from __future__ import annotations

import operator
from typing import Any

import torch
from executorch.exir.dialects._ops import ops
from torch.fx.passes.infra.pass_base import PassResult

from importer.kernels import layer_norm  # noqa: F401  (declares the operator)
from importer.kernels.recurrent import NAMESPACE

_NORM = ops.edge.aten.native_layer_norm.default
_OURS = getattr(ops.edge, NAMESPACE).layer_norm.default


def use_layer_norm_kernel(module: torch.fx.GraphModule) -> PassResult:
    """ExecuTorch's own kernel is compiled without AVX."""
    modified = False
    for node in list(module.graph.nodes):
        if node.target != _NORM or not _fits(node):
            continue
        value, shape, weight, bias, epsilon = node.args
        for user in list(node.users):
            with module.graph.inserting_before(user):
                call = module.graph.call_function(_OURS, (value, len(shape), weight, bias, epsilon))
            call.meta = dict(user.meta)
            user.replace_all_uses_with(call)
            module.graph.erase_node(user)
        module.graph.erase_node(node)
        modified = True
    module.recompile()
    return PassResult(module, modified)


def _fits(node: Any) -> bool:
    """Float32 row by row, and only the normalized values are used, not the mean and the deviation."""
    value = node.args[0].meta["val"]
    only = all(user.target == operator.getitem and user.args[1] == 0 for user in node.users)
    return only and value.dtype == torch.float32 and value.is_contiguous()
