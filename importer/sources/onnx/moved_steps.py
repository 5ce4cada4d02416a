"""Nodes that only move or choose quantized values, in floats between quantizers of their own.

onnxruntime's quantizer lets such nodes take the 8 bits. XNNPACK takes them with their scale; the results are equal.
"""

from __future__ import annotations

from dataclasses import replace

from importer.sources.onnx.file.model_file import Graph, Node
from importer.sources.onnx.own_copies import free_name
from importer.sources.onnx.registry import MICROSOFT

_MOVES = {
    "Expand", "Flatten", "Gather", "MaxPool", "Pad", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose",
    "Unsqueeze",
}  # fmt: skip
# Which of a node's inputs are the scale and the zero of its result.
_QUANTIZERS = {
    ("", "QuantizeLinear"): (1, 2),
    ("", "QLinearConv"): (6, 7),
    ("", "QLinearMatMul"): (6, 7),
    (MICROSOFT, "QuantizeLinear"): (1, 2),
    (MICROSOFT, "QGemm"): (7, 8),
    (MICROSOFT, "QLinearAdd"): (6, 7),
    (MICROSOFT, "QLinearMul"): (6, 7),
    (MICROSOFT, "QLinearConcat"): (0, 1),
    (MICROSOFT, "QLinearWhere"): (7, 8),
    **{
        (MICROSOFT, f"QLinear{name}"): (3, 4)
        for name in ("AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid", "Softmax")
    },
}
_Parameters = tuple[str, str]
"""The names of a scale and of a zero."""


def with_moves_in_floats(graph: Graph) -> Graph:
    """The graph with quantizers around the nodes that take 8 bits only to move them."""
    known: dict[str, _Parameters] = {}
    names = {name for node in graph.nodes for name in (*node.inputs, *node.outputs)} | set(graph.constants)
    names |= {item.name for item in graph.inputs}
    nodes: list[Node] = []
    for node in graph.nodes:
        parameters = _of_result(node, graph)
        if parameters is not None:
            known[node.outputs[0]] = parameters
        moved = known.get(node.inputs[0]) if node.inputs and _moves(node) else None
        if moved is None or _fills_with_zero(node):
            nodes.append(node)
            continue
        count = 1 if node.operator == "MaxPool" else len(node.outputs)
        known.update({name: moved for name in node.outputs[:count] if name})
        nodes += _in_floats(node, moved, count, names)
    return graph if len(nodes) == len(graph.nodes) else replace(graph, nodes=nodes)


def _of_result(node: Node, graph: Graph) -> _Parameters | None:
    """The scale and the zero of a node's result, where all its values have the same."""
    place = _QUANTIZERS.get((node.domain, node.operator))
    if place is None or len(node.inputs) <= place[1]:
        return None
    scale, zero = (node.inputs[index] for index in place)
    sizes = [graph.constants[name].dims for name in (scale, zero) if name in graph.constants]
    is_one = len(sizes) == 2 and all(size == 1 for dims in sizes for size in dims)
    return (scale, zero) if is_one else None


def _moves(node: Node) -> bool:
    if node.operator == "Resize" and not node.domain:
        mode = node.attributes.get("mode")
        return mode is None or mode.value == "nearest"
    return node.operator in _MOVES and not node.domain


def _fills_with_zero(node: Node) -> bool:
    """Whether it pads with the number 0, which is another value than the quantizer's zero."""
    return node.operator == "Pad" and not (len(node.inputs) > 2 and node.inputs[2])


def _in_floats(node: Node, parameters: _Parameters, count: int, names: set[str]) -> list[Node]:
    inputs, outputs = list(node.inputs), list(node.outputs)
    before, after = [], []
    for index in (0, 2) if node.operator == "Pad" else (0,):
        inputs[index] = free_name(f"{node.inputs[index]}_as_floats", names)
        before.append(Node("DequantizeLinear", "", node.name, (node.inputs[index], *parameters), (inputs[index],), {}))
    for index, name in enumerate(node.outputs[:count]):
        if name:
            outputs[index] = free_name(f"{name}_as_floats", names)
            after.append(Node("QuantizeLinear", "", node.name, (outputs[index], *parameters), (name,), {}))
    return [*before, replace(node, inputs=tuple(inputs), outputs=tuple(outputs)), *after]
