"""Writes operators that only change or cut a shape as those that XNNPACK takes. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from executorch.exir.dialects._ops import ops
from torch.fx.passes.infra.pass_base import PassResult

_ATEN = ops.edge.aten
_SELECT = _ATEN.select_copy.int
_AS_REAL = _ATEN.view_as_real_copy.default
_PERMUTE = _ATEN.permute_copy.default
_RESHAPED = (
    _ATEN.squeeze_copy.default,
    _ATEN.squeeze_copy.dim,
    _ATEN.squeeze_copy.dims,
    _ATEN.unsqueeze_copy.default,
)


def use_views(module: torch.fx.GraphModule) -> PassResult:
    """XNNPACK refuses these operators, so that each is a copy by a kernel and cuts a delegate in two: a transformer of
    four layers had 20 delegates in place of 9."""
    modified = _permute_reals(module)
    for node in list(module.graph.nodes):
        if node.target not in (_SELECT, *_RESHAPED) or not _fits(node):
            continue
        given = node.args[0]
        with module.graph.inserting_before(node):
            if node.target == _SELECT:
                given = _slice(module, given, node.args[1], node.args[2])
            shape = list(node.meta["val"].shape)
            view = module.graph.call_function(_ATEN.view_copy.default, (given, shape))
        view.meta = dict(node.meta)
        node.replace_all_uses_with(view)
        module.graph.erase_node(node)
        modified = True
    module.recompile()
    return PassResult(module, modified)


def _permute_reals(module: torch.fx.GraphModule) -> bool:
    """Complex numbers are permuted after they became pairs of floats, which XNNPACK takes."""
    modified = False
    for node in list(module.graph.nodes):
        if node.target != _AS_REAL or node.args[0].target != _PERMUTE or len(node.args[0].users) > 1:
            continue
        permute = node.args[0]
        given, order = permute.args
        rank = len(order)
        shape = [*given.meta["val"].shape, 2]
        if not all(isinstance(size, int) for size in shape):
            continue
        with module.graph.inserting_before(permute):
            pairs = module.graph.call_function(_AS_REAL, (given,))
        pairs.meta = {**node.meta, "val": node.meta["val"].new_empty(shape)}
        with module.graph.inserting_before(node):
            turned = module.graph.call_function(_PERMUTE, (pairs, [axis % rank for axis in order] + [rank]))
        turned.meta = {**node.meta, "val": pairs.meta["val"].permute(turned.args[1]).contiguous()}
        node.replace_all_uses_with(turned)
        module.graph.erase_node(node)
        module.graph.erase_node(permute)
        modified = True
    return modified


def _slice(module: torch.fx.GraphModule, given: Any, axis: int, position: int) -> Any:
    whole = given.meta["val"]
    axis %= whole.dim()
    position %= whole.shape[axis]
    arguments = (given, axis, position, position + 1)
    cut = module.graph.call_function(_ATEN.slice_copy.Tensor, arguments)
    cut.meta = {**given.meta, "val": whole.narrow(axis, position, 1).contiguous()}
    return cut


def _fits(node: Any) -> bool:
    """Floats in sizes that do not vary, row by row. A quantized tensor's operator keeps its place between the
    quantizations, where XNNPACK looks for it."""
    given, result = node.args[0].meta["val"], node.meta["val"]
    sizes = (*given.shape, *result.shape)
    if "quantize" in str(node.args[0].target) or not all(isinstance(size, int) for size in sizes):
        return False
    floats = given.dtype == result.dtype == torch.float32
    return bool(floats and given.is_contiguous() and given.numel() > 0 and result.dim() > 0)
