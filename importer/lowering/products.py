"""Products of matrices for XNNPACK that a layer computes in another way than nn.Linear does. Imports torch."""

from __future__ import annotations

from typing import Any

from executorch.backends.xnnpack.partition.config.gemm_configs import AddmmConfig, GEMMConfig, MMConfig
from executorch.exir.dialects._ops import ops
from torch.export import ExportedProgram
from torch.fx import Node

# What ExecuTorch makes of a linear layer; dequantizing aside, which has inputs of its own.
_OF_LINEAR = {
    ops.edge.aten.addmm.default,
    ops.edge.aten.mm.default,
    ops.edge.aten.permute_copy.default,
    ops.edge.aten.t_copy.default,
    ops.edge.aten.view_copy.default,
    ops.edge.aten.unsqueeze_copy.default,
    ops.edge.aten.squeeze_copy.dims,
    ops.edge.aten.expand_copy.default,
}


class PlainAddmmConfig(AddmmConfig):  # type: ignore[misc]
    """ExecuTorch takes all that a call of `linear` became for a linear layer. torchao's weights become more: a
    conversion of int8, of which the delegate would take the bytes for floats."""

    def get_deps_from_src_partition(self, node: Node, ep: ExportedProgram, src_partition: Any) -> Any:
        made = {item.target for item in src_partition.nodes if item.op == "call_function"}
        if made <= _OF_LINEAR:
            return super().get_deps_from_src_partition(node, ep, src_partition)
        return GEMMConfig.get_deps(self, node, ep)


class PlainMMConfig(MMConfig, PlainAddmmConfig):  # type: ignore[misc]
    """The same without a bias."""
