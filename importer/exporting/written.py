"""What operators of an exported program write into: inputs and parameters, which ExecuTorch does not keep apart from
results. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind


def written_placeholders(program: ExportedProgram) -> set[str]:
    """The names of the placeholders that an operator of the program writes to, or to a view of them."""
    found = set()
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op != "call_function" or schema is None:
            continue
        for argument, value in zip(schema.arguments, node.args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write and (name := _viewed(value)):
                found.add(name)
    return found


def written_parameters_as_buffers(program: ExportedProgram) -> None:
    """ExecuTorch treats a parameter that is written to as one more output and loses it; buffers are kept."""
    parameters = program.graph_signature.inputs_to_parameters
    names = {parameters[name] for name in written_placeholders(program) if name in parameters}
    for given in program.graph_signature.input_specs:
        if given.target in names:
            given.kind, given.persistent = InputKind.BUFFER, True
            program.state_dict[str(given.target)] = program.state_dict[str(given.target)].detach()


def written_constants(program: ExportedProgram) -> list[str]:
    """The names of tensors that are neither buffers nor parameters and that the program writes to: it could not keep
    them."""
    constants = program.graph_signature.inputs_to_lifted_tensor_constants
    return [constants[name] for name in sorted(written_placeholders(program)) if name in constants]


def join_shared_memory(program: ExportedProgram) -> tuple[str, str] | None:
    """Makes one of two names of a tensor that the program writes to. Returns the names of two tensors that only
    overlap, if it writes to one of them and reads the other: in a program of ExecuTorch each has memory of its own."""
    signature = program.graph_signature
    targets = {**signature.inputs_to_buffers, **signature.inputs_to_parameters}
    state = {**program.constants, **program.state_dict}
    nodes = {node.name: node for node in program.graph.find_nodes(op="placeholder") if node.name in targets}
    for name in sorted(written_placeholders(program) & nodes.keys()):
        if name not in nodes:  # it was another name of one before
            continue
        value = state[targets[name]]
        for other in list(nodes):
            twin = state[targets[other]]
            if other == name or not _memory(value) or _memory(twin) != _memory(value):
                continue
            if nodes[other].users and _place(twin) != _place(value):
                return targets[name], targets[other]
            nodes[other].replace_all_uses_with(nodes[name])
            _remove(program, nodes.pop(other), targets[other])
    return None


def _memory(value: torch.Tensor) -> int:
    """Where a tensor lies; 0 for none, and for tensors that are made of others."""
    return value.untyped_storage().data_ptr() if type(value) in (torch.Tensor, torch.nn.Parameter) else 0


def _remove(program: ExportedProgram, node: torch.fx.Node, target: str) -> None:
    signature = program.graph_signature
    signature.input_specs = [spec for spec in signature.input_specs if spec.arg.name != node.name]
    program.state_dict.pop(target, None)
    program.constants.pop(target, None)
    program.graph.erase_node(node)
    program.graph_module.recompile()


def _place(value: torch.Tensor) -> Any:
    return value.storage_offset(), value.shape, value.stride(), value.dtype


def copy_written_inputs(program: ExportedProgram) -> list[str]:
    """Lets the program work on copies of the inputs that it writes into, and returns their names in it. ExecuTorch
    returns such an input as one more output."""
    signature = program.graph_signature
    functional = {spec.target for spec in signature.output_specs if spec.kind == OutputKind.USER_INPUT_MUTATION}
    written = written_placeholders(program)
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


def _viewed(value: Any) -> str:
    """The name of the node that a view is a view of."""
    while isinstance(value, torch.fx.Node) and value.op == "call_function":
        schema = getattr(value.target, "_schema", None)
        if schema is None or not schema.returns or schema.returns[0].alias_info is None or not value.args:
            break
        value = value.args[0]
    return value.name if isinstance(value, torch.fx.Node) else ""
