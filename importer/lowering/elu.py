"""ELU for XNNPACK, which has it while ExecuTorch's list of partitioner configurations leaves it out. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from executorch.backends.xnnpack.partition.config.generic_node_configs import EluConfig
from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
from executorch.exir.dialects._ops import ops
from torch.export import ExportedProgram
from torch.fx.passes.infra.pass_base import PassResult

_ELU = ops.edge.aten.elu.default


class PlainEluConfig(EluConfig):  # type: ignore[misc]
    """ELUs whose only number is alpha, as `name_alpha` leaves them: SELU and CELU have scales, which would be lost."""

    def check_constraints(self, node: torch.fx.Node, ep: ExportedProgram) -> bool:
        return bool(self.check_common_constraints(node, ep)) and len(node.args) == 2 and not node.kwargs

    def supported_precision_types(self) -> list[Any]:
        return [ConfigPrecisionType.FP32]


def name_alpha(module: torch.fx.GraphModule) -> PassResult:
    """ExecuTorch's writer for XNNPACK reads alpha, which an exported ELU leaves out when it is 1."""
    modified = False
    for node in module.graph.nodes:
        if node.target != _ELU:
            continue
        value, alpha, scale, input_scale = _arguments(*node.args, **node.kwargs)
        if scale == 1 and input_scale == 1:
            node.args, node.kwargs = (value, float(alpha)), {}
            modified = True
    module.recompile()
    return PassResult(module, modified)


def _arguments(self: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> tuple[Any, ...]:
    return self, alpha, scale, input_scale
