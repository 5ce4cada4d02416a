"""One DequantizeLinear for each node that takes its result: XNNPACK's partitioner takes a layer with its own ones."""

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
                inputs[index] = _free(f"{name}_for_{len(nodes)}_{index}", known)
                nodes.append(replace(shared[name], outputs=(inputs[index],)))
        nodes.append(replace(node, inputs=tuple(inputs)))
    return replace(graph, nodes=nodes)


def _free(name: str, known: set[str]) -> str:
    while name in known:
        name += "_"
    known.add(name)
    return name
