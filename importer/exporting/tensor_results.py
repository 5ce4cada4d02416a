"""The results of a program that are tensors. Imports torch."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import ConstantArgument, TensorArgument

from importer.inputs import nested


def tensors_only(program: ExportedProgram) -> tuple[list[str], list[str]]:
    """Keep only the results that are tensors, in a form that ExecuTorch can write. Returns their names, which are the
    source's keys where the model returns dictionaries or named tuples, and the names of the values that are left out;
    None does not count as a value."""
    spec = program.call_spec.out_spec
    names = nested.result_names(spec) if spec is not None else []
    signature = program.graph_signature
    results = [item for item in signature.output_specs if item.kind.name == "USER_OUTPUT"]
    kept = [index for index, item in enumerate(results) if isinstance(item.arg, TensorArgument)]
    if spec is None or len(results) != len(signature.output_specs) or len(names) != len(results) or not kept:
        return names, []
    if len(kept) == len(results) and nested.is_writable(spec):
        return names, []
    (output,) = [node for node in program.graph.nodes if node.op == "output"]
    output.args = (tuple(output.args[0][index] for index in kept),)
    signature.output_specs = [results[index] for index in kept]
    called = program.module_call_graph[0].signature
    assert called is not None
    if len(called.outputs) == len(results):  # torch leaves them out of a program's own signature
        called.outputs = [called.outputs[index] for index in kept]
    called.out_spec = torch.utils._pytree.tree_structure(tuple(range(len(kept))))
    program.graph_module.recompile()
    left_out = [
        names[index]
        for index, item in enumerate(results)
        if index not in kept and not (isinstance(item.arg, ConstantArgument) and item.arg.value is None)
    ]
    return [names[index] for index in kept], left_out
