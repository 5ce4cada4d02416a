"""What XNNPACK's partitioner needs to take a quantized layer: dequantizers of its own, and a result that is rounded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from importer.sources.onnx.file.model_file import Graph, Node


def with_own_dequantizers(graph: Graph) -> Graph:
    """The graph with copies of each DequantizeLinear of a computed value that several nodes take."""
    taken = Counter(name for node in graph.nodes for name in node.inputs)
    shared = {
        node.outputs[0]: node
        for node in graph.nodes
        if node.operator == "DequantizeLinear" and node.inputs[0] not in graph.constants and taken[node.outputs[0]] > 1
    }
    if not shared:
        return graph
    known = set(taken).union(*(node.outputs for node in graph.nodes))
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = list(node.inputs)
        for index, name in enumerate(inputs):
            if name in shared:
                inputs[index] = free_name(f"{name}_for_{len(nodes)}_{index}", known)
                nodes.append(replace(shared[name], outputs=(inputs[index],)))
        nodes.append(replace(node, inputs=tuple(inputs)))
    return replace(graph, nodes=nodes)


def rounded_values(graph: Graph) -> set[str]:
    """The values that only QuantizeLinear takes, also behind an activation that XNNPACK computes with the layer."""
    takers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            takers.setdefault(name, []).append(node)
    given = {item.name for item in graph.outputs}
    rounded = {
        name
        for name, nodes in takers.items()
        if name not in given and all(node.operator == "QuantizeLinear" for node in nodes)
    }
    return rounded | {
        name
        for name, nodes in takers.items()
        if name not in given
        and len(nodes) == 1
        and nodes[0].operator in ("Relu", "Clip")
        and nodes[0].outputs[0] in rounded
    }


def free_name(name: str, known: set[str]) -> str:
    """A name that is not among the known ones, and becomes one of them."""
    while name in known:
        name += "_"
    known.add(name)
    return name
