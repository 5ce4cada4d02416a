"""The graph of a program: its steps, the tensors between them, and the graphs inside of XNNPACK's delegates. No
torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.program.memory_plan import tensor_bytes, tensor_ids
from importer.program.program import Instruction, Method, read_program
from importer.program.xnnpack_blob import Graph

FORMAT = 1
MOST_NODES = 20_000


def graph(payload: Path) -> dict[str, Any]:
    """{format, methods: [{name, nodes, inputs, outputs, values}]} for a view of the program.

    A node: {kind: kernel or delegate, instruction, operator, backend, inputs, outputs} with ids of `values`, and its
    number in the program. A delegate whose blob can be read also has `inner` and `inner_values`, with ids of their own;
    an operator in there has the debug `handle` of what it was made of. At most 20,000 nodes: then `nodes_left_out`.
    """
    return {"format": FORMAT, "methods": [_method(method) for method in read_program(payload).methods]}


def _method(method: Method) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = []
    written: set[int] = set(tensor_ids(method, method.input_ids))
    remaining = MOST_NODES
    steps = [(index, step) for index, step in enumerate(method.instructions) if step.arguments]
    for number, (index, step) in enumerate(steps):
        node = {**_node(method, step, written), "instruction": index}
        remaining -= 1 + len(node.get("inner", ()))
        if remaining < 0:
            return {**_frame(method, nodes), "nodes_left_out": len(steps) - number}
        written.update(node["outputs"])
        nodes.append(node)
    return _frame(method, nodes)


def _frame(method: Method, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    inputs, outputs = tensor_ids(method, method.input_ids), tensor_ids(method, method.output_ids)
    used = {value for node in nodes for value in (*node["inputs"], *node["outputs"])} | {*inputs, *outputs}
    values = {}
    for value in sorted(used):
        tensor = method.values[value]
        shape = list(tensor.shape)
        values[str(value)] = {
            "dtype": tensor.dtype,
            "shape": shape,
            "constant": tensor.constant,
            "bytes": tensor_bytes(tensor),
        }
    return {"name": method.name, "nodes": nodes, "inputs": inputs, "outputs": outputs, "values": values}


def _node(method: Method, step: Instruction, written: set[int]) -> dict[str, Any]:
    arguments = tensor_ids(method, step.arguments)
    if step.delegate < 0:
        # The last argument is what the kernel returns: the tensors that it wrote.
        outputs = tensor_ids(method, step.arguments[-1:])
        inputs = [value for value in arguments if value not in outputs]
        return {"kind": "kernel", "operator": step.name, "backend": "", "inputs": inputs, "outputs": outputs}
    inner = method.delegates[step.delegate].graph
    if inner is not None and len(inner.inputs) + len(inner.outputs) == len(arguments):
        inputs, outputs = arguments[: len(inner.inputs)], arguments[len(inner.inputs) :]
    else:
        known = {value for value in arguments if value in written or method.values[value].constant}
        inputs = [value for value in arguments if value in known]
        outputs = [value for value in arguments if value not in known]
    node: dict[str, Any] = {
        "kind": "delegate",
        "operator": "",
        "backend": step.name,
        "inputs": inputs,
        "outputs": outputs,
    }
    return {**node, **_inside(inner)} if inner is not None else node


def _inside(inner: Graph) -> dict[str, Any]:
    return {
        "inner": [
            {
                "operator": node.operator,
                "inputs": list(node.inputs),
                "outputs": list(node.outputs),
                "handle": node.handle,
            }
            for node in inner.nodes
        ],
        "inner_values": {
            str(number): {"dtype": value.dtype, "shape": list(value.shape), "constant": value.constant}
            for number, value in inner.values.items()
        },
    }
