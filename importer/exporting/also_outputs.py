"""Values inside of a graph as further outputs of the program (the option `also_outputs`). Imports torch."""

from __future__ import annotations

import difflib
from copy import deepcopy
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import OutputKind, OutputSpec, TensorArgument

from importer.errors import ImporterError
from importer.exporting.export import output_specs
from importer.model import Method

_MOST_NAMED = 5
# By these a quantizer finds the operators of a layer, to which the copy does not belong.
_OF_A_LAYER = ("source_fn_stack", "torch_fn", "nn_module_stack")


class Values(torch.nn.Module):
    """The values of a method's further outputs, computed by its exported graph in PyTorch; called as the method is."""

    def __init__(self, program: ExportedProgram, count: int) -> None:
        super().__init__()
        self._graph = program.module()
        self._count = count

    def forward(self, *arguments: Any, **named: Any) -> list[torch.Tensor]:
        return list(torch.utils._pytree.tree_leaves(self._graph(*arguments, **named)))[-self._count :]


def add_outputs(methods: list[Method], names: list[str]) -> str:
    """Let the methods return the values of these nodes too, after their own outputs and under the nodes' names.

    names: `relu_1` of the first method, `encode.relu_1` of another one. Returns a note for the person. Raises
    VALUE_NOT_IN_GRAPH with the nearest names, and what export raises for an output that ExecuTorch cannot have.
    """
    for method in methods:
        own = [_node_name(name, method) for name in names if _method_of(name, methods) is method]
        if own:
            _add(method, own)
    shown = ", ".join(names)
    return f"The values of {shown} were compared with those of the exported graph in PyTorch."


def graph_names(method: Method) -> dict[str, int]:
    """The names of the values that `add_outputs` takes, and of those that the method returns, with their index; -1 for
    the others."""
    (output,) = [node for node in method.program.graph.nodes if node.op == "output"]
    own = len(output.args[0]) - len(method.outputs)  # behind the buffers that the method changes
    names = {node.name: -1 for node in method.program.graph.nodes if _is_tensor(node)}
    returned = [getattr(node, "name", "") for node in output.args[0][own:]]
    return {**names, **{name: index for index, name in enumerate(returned) if name in names}}


def _add(method: Method, names: list[str]) -> None:
    program = method.program
    nodes = {node.name: node for node in program.graph.nodes if _is_tensor(node)}
    (output,) = [node for node in program.graph.nodes if node.op == "output"]
    returned = [node.name for node in output.all_input_nodes] + [spec.name for spec in method.outputs]
    for name in names:
        if name not in nodes:
            raise _unknown(name, method, list(nodes))
        if name in returned:
            cause = f"The program returns the value '{name}' of '{method.name}' already."
            raise ImporterError("VALUE_NOT_IN_GRAPH", cause, "Leave it out of the option 'also_outputs'.", "export")
    copies = [_copied(program, nodes[name]) for name in names]
    output.args = ((*output.args[0], *copies),)
    arguments = [TensorArgument(copy.name) for copy in copies]
    signature = program.graph_signature
    signature.output_specs += [OutputSpec(OutputKind.USER_OUTPUT, argument, None) for argument in arguments]
    called = program.module_call_graph[0].signature
    assert called is not None
    if called.outputs:  # torch leaves them out of a program's own signature
        called.outputs += arguments
    called.out_spec = torch.utils._pytree.tree_structure(tuple(range(len(method.outputs) + len(names))))
    program.graph_module.recompile()
    method.outputs = output_specs(program, [spec.name for spec in method.outputs] + names)
    # A copy: passes write into the graph, and its buffers are not those of the model.
    method.values = Values(deepcopy(program), len(names))


def _copied(program: ExportedProgram, node: torch.fx.Node) -> torch.fx.Node:
    """A copy of the value where it is computed: operators behind it may write into it."""
    form = torch.contiguous_format
    with program.graph.inserting_after(node):
        copy: torch.fx.Node = program.graph.call_function(
            torch.ops.aten.clone.default, (node,), {"memory_format": form}
        )
    value = node.meta["val"]
    kept = {key: item for key, item in node.meta.items() if key not in _OF_A_LAYER}
    with value.fake_mode:
        copy.meta = {**kept, "val": value.clone(memory_format=form)}
    return copy


def _is_tensor(node: torch.fx.Node) -> bool:
    return node.op == "call_function" and isinstance(node.meta.get("val"), torch.Tensor)


def _method_of(name: str, methods: list[Method]) -> Method:
    prefix = name.rpartition(".")[0]
    found = next((method for method in methods if method.name == prefix), None)
    if prefix and found is None:
        known = ", ".join(method.name for method in methods)
        cause = f"The option 'also_outputs' names '{name:.80}', but there is no method '{prefix:.80}'."
        raise ImporterError("VALUE_NOT_IN_GRAPH", cause, f"The methods are {known}.", "export")
    return found or methods[0]


def _node_name(name: str, method: Method) -> str:
    return name.removeprefix(f"{method.name}.")


def _unknown(name: str, method: Method, known: list[str]) -> ImporterError:
    nearest = difflib.get_close_matches(name, known, _MOST_NAMED, 0.3) or known[:_MOST_NAMED]
    cause = f"The graph of '{method.name}' has no value '{name:.80}'; it has {len(known)}."
    return ImporterError("VALUE_NOT_IN_GRAPH", cause, f"The nearest names are {', '.join(nearest)}.", "export")
