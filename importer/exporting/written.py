"""What operators of an exported program write into: inputs and parameters, which ExecuTorch does not keep apart from
results. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind


def written_parameters_as_buffers(program: ExportedProgram) -> None:
    """ExecuTorch treats a parameter that is written to as one more output and loses it; buffers are kept."""
    parameters = program.graph_signature.inputs_to_parameters
    names = {parameters[name] for name in _written(program) if name in parameters}
    for given in program.graph_signature.input_specs:
        if given.target in names:
            given.kind, given.persistent = InputKind.BUFFER, True
            program.state_dict[str(given.target)] = program.state_dict[str(given.target)].detach()


def copy_written_inputs(program: ExportedProgram) -> list[str]:
    """Lets the program work on copies of the inputs that it writes into, and returns their names in it. ExecuTorch
    returns such an input as one more output."""
    signature = program.graph_signature
    functional = {spec.target for spec in signature.output_specs if spec.kind == OutputKind.USER_INPUT_MUTATION}
    written = _written(program)
    names = [str(name) for name in signature.user_inputs if name in functional or name in written]
    graph = program.graph_module.graph
    last = list(graph.find_nodes(op="placeholder"))[-1:]
    for node in graph.find_nodes(op="placeholder"):
        if node.name in names and node.name not in functional:
            with graph.inserting_after(last[0]):
                copy = graph.call_function(torch.ops.aten.clone.default, (node,))
            copy.meta = dict(node.meta)
            node.replace_all_uses_with(copy, lambda user, copy=copy: user is not copy)
    if functional:
        output = graph.output_node()
        pairs = zip(signature.output_specs, output.args[0], strict=True)
        kept = [(spec, value) for spec, value in pairs if spec.kind != OutputKind.USER_INPUT_MUTATION]
        signature.output_specs = [spec for spec, _ in kept]
        output.args = (tuple(value for _, value in kept),)
    if names:
        program.graph_module.recompile()
    return names


def _written(program: ExportedProgram) -> set[str]:
    """The names of the placeholders that an operator of the program writes to, or to a view of them."""
    found = set()
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op != "call_function" or schema is None:
            continue
        for argument, value in zip(schema.arguments, node.args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                found.add(_viewed(value))
    return found


def _viewed(value: Any) -> str:
    """The name of the node that a view is a view of."""
    while isinstance(value, torch.fx.Node) and value.op == "call_function":
        schema = getattr(value.target, "_schema", None)
        if schema is None or not schema.returns or schema.returns[0].alias_info is None or not value.args:
            break
        value = value.args[0]
    return value.name if isinstance(value, torch.fx.Node) else ""
