"""Takes out copies that a decomposition leaves: expanding a tensor to the shape that it has. Imports torch."""

from __future__ import annotations

import torch
from executorch.exir.dialects._ops import ops
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.fx.passes.infra.pass_base import PassResult

_EXPANDS = (ops.edge.aten.expand_copy.default, ops.edge.aten.expand.default)


def remove_equal_expands(module: torch.fx.GraphModule) -> PassResult:
    """Attention decomposes into two of them for each matrix product. XNNPACK refuses them, so that each is a copy by a
    kernel and cuts a delegate in two: MiniLM had 28 in place of 16, and took 3 to 4% longer."""
    modified = False
    for node in list(module.graph.nodes):
        # An output stays a tensor of its own.
        if node.target not in _EXPANDS or any(user.op == "output" for user in node.users):
            continue
        given = node.args[0]
        before, after = given.meta["val"].shape, node.meta["val"].shape
        if len(before) == len(after) and all(
            statically_known_true(one == other) for one, other in zip(before, after, strict=True)
        ):
            node.replace_all_uses_with(given)
            module.graph.erase_node(node)
            modified = True
    module.recompile()
    return PassResult(module, modified)
