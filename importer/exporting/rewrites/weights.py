"""Weights that a layer computes of its parameters (weight and spectral normalization), computed once. Imports torch.

XNNPACK and the quantizers look for weights that are constants; ExecuTorch computes the others at every call.
"""

from __future__ import annotations

import torch
from torch.export import ExportedProgram
from torch.fx import Node

from importer.exporting.reexport import attribute, export_again, program_module
from importer.model import Method

_ATEN = torch.ops.aten
# Backends look for weights behind these. A copy of a weight that is used twice would cost its size once more.
_REARRANGING = {
    _ATEN.t.default,
    _ATEN.transpose.int,
    _ATEN.permute.default,
    _ATEN.view.default,
    _ATEN.reshape.default,
    _ATEN.unsqueeze.default,
    _ATEN.squeeze.dim,
    _ATEN.slice.Tensor,
    _ATEN.select.int,
    _ATEN.expand.default,
    _ATEN.detach.default,
    _ATEN.alias.default,
}


def rewrite_weights(method: Method) -> ExportedProgram:
    """The program with what depends on parameters alone as constants, where they are no larger than the parameters.
    A program that changes a tensor in place stays as it is: the tensor may be one of these."""
    nodes = [node for node in method.program.graph.nodes if node.op == "call_function"]
    schemas = [getattr(node.target, "_schema", None) for node in nodes]
    if any(schema is not None and schema.is_mutable for schema in schemas):
        return method.program
    user_inputs = set(method.program.graph_signature.user_inputs)
    given = {node for node in method.program.graph.find_nodes(op="placeholder") if node.name not in user_inputs}
    if not any(node.target not in _REARRANGING for node in _computed(nodes, given)):
        return method.program
    module = program_module(method)
    given = set(module.graph.find_nodes(op="get_attr"))
    computed = _computed([node for node in module.graph.nodes if node.op == "call_function"], given)
    values = {node: attribute(module, str(node.target)).detach() for node in given}
    for number, node in enumerate(computed):
        arguments, keywords = torch.fx.node.map_arg((node.args, node.kwargs), lambda used: values[used])
        with torch.no_grad():
            values[node] = node.target(*arguments, **keywords)  # type: ignore[operator]
        used = any(user not in computed for user in node.users)
        if used and node.target not in _REARRANGING:
            name = f"computed_weight_{number}"
            module.register_buffer(name, values[node].contiguous())
            with module.graph.inserting_before(node):
                constant = module.graph.get_attr(name)
            constant.meta = dict(node.meta)
            node.replace_all_uses_with(constant, delete_user_cb=lambda user: user not in computed)
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


def _computed(nodes: list[Node], given: set[Node]) -> dict[Node, None]:
    """The nodes that depend on parameters alone, in order: tensors no larger than what they are made of."""
    found: dict[Node, None] = {}
    for node in nodes:
        sources = node.all_input_nodes
        if not sources or node.is_impure() or any(source not in given and source not in found for source in sources):
            continue
        value = node.meta.get("val")
        if not isinstance(value, torch.Tensor) or any("quantize" in str(part.target) for part in (node, *sources)):
            continue
        if any(user.op == "output" for user in node.users):
            continue
        if node.target in _REARRANGING or value.numel() <= sum(source.meta["val"].numel() for source in sources):
            found[node] = None
    return found
