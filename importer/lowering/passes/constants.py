"""Computes once what depends on no input: masks, positions, tables that operators decompose into. Imports torch."""

from __future__ import annotations

import operator
from typing import Any

import torch
from executorch.exir.dialects._ops import ops
from executorch.exir.operator.util import _QUANT_PRIMITIVES
from executorch.exir.pass_base import ExportedProgramPassBase, ExportedProgramPassResult
from executorch.exir.passes import constant_prop_pass as folding
from executorch.exir.passes.replace_aten_with_edge_pass import aten_to_edge
from torch.fx import Node

# Backends look for dequantized weights; an empty tensor has no values.
_NEVER = {*(aten_to_edge(target) for target in _QUANT_PRIMITIVES), ops.edge.aten.empty.memory_format}
# Backends look for weights, which may be buffers or computed, behind these.
_TURNING = {ops.edge.aten.permute_copy.default, ops.edge.aten.t_copy.default, ops.edge.aten.transpose_copy.int}
_PRODUCTS = {ops.edge.aten.addmm.default, ops.edge.aten.mm.default, ops.edge.aten.bmm.default}
# A result of this size is worth its place in the file.
_MOST_BYTES = 65536


class FoldConstants(ExportedProgramPassBase):  # type: ignore[misc]  # ExecuTorch has no types
    """ExecuTorch computes such values at every call. Parameters are left to importer/exporting/rewrites/weights.py:
    backends look for them behind operators that only rearrange. Buffers that the program changes are not constants,
    and importer/exporting/shared_state.py refuses those that another method changes."""

    def call(self, program: Any) -> ExportedProgramPassResult:
        inputs = program.graph.find_nodes(op="placeholder")
        parameters = program.graph_signature.inputs_to_parameters
        values = folding.get_constant_placeholder_dict(program)
        values = type(values)((node, value) for node, value in values.items() if node.name not in parameters)
        given = len(values)
        for node in program.graph.nodes:
            value = _value(node, values)
            if value is not None:
                values[node] = value
        if len(values) == given or not inputs:
            return ExportedProgramPassResult(program, False)
        specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        specs |= folding.create_constant_nodes_and_return_specs(values, program)
        program.graph_signature.input_specs = [specs[node.name] for node in program.graph.find_nodes(op="placeholder")]
        program.graph.eliminate_dead_code()
        program.graph_module.recompile()
        return ExportedProgramPassResult(program, True)


def _value(node: Node, values: dict[Node, Any]) -> Any:
    """The constant value of a node; None when it has none, one that is too large to keep, or is a result."""
    if node.op != "call_function" or node.target in _NEVER or node.target is operator.getitem or node.is_impure():
        return None
    if any(given not in values for given in node.all_input_nodes) or any(user.op == "output" for user in node.users):
        return None
    if node.target in _TURNING and (
        any(given.op == "placeholder" for given in node.all_input_nodes)
        or any(user.target in _PRODUCTS for user in node.users)
    ):
        return None
    made = node.meta.get("val")
    if not isinstance(made, torch.Tensor) or any(not isinstance(size, int) for size in made.shape):
        return None
    if made.numel() * made.element_size() > _MOST_BYTES:
        return None
    arguments, keywords = torch.fx.node.map_arg((node.args, node.kwargs), lambda given: values[given])
    with torch.no_grad():
        value = node.target(*arguments, **keywords)  # type: ignore[operator]
    return value.contiguous() if 0 in value.stride() else value
