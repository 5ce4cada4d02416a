"""Dynamically quantized layers, which exporters write as five nodes, as one node that XNNPACK has a kernel for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from importer.sources.onnx.file.model_file import Graph, Node
from importer.sources.onnx.registry import MICROSOFT


def with_dynamic_layers(graph: Graph) -> Graph:
    """The graph with `DynamicQuantizeMatMul` in place of DynamicQuantizeLinear, MatMulInteger (or MatMulIntegerToFloat)
    and the nodes that scale the product. Weights that are computed stay as they are."""
    made_by = {name: node for node in graph.nodes for name in node.outputs if name}
    joined = {id(node): layer for node in graph.nodes if (layer := _layer(node, made_by, graph)) is not None}
    if not joined:
        return graph
    nodes = [joined.get(id(node), node) for node in graph.nodes]
    return replace(graph, nodes=without_unused(nodes, {item.name for item in graph.outputs}))


def _layer(node: Node, made_by: dict[str, Node], graph: Graph) -> Node | None:
    """The layer whose result a node makes; nothing when it makes another."""
    if node.operator == "MatMulIntegerToFloat" and len(node.inputs) >= 5:
        steps, weights, step, scale, middle, zero, bias = (*node.inputs, "", "")[:7]
        return _joined(node, made_by, graph, [steps, step, middle], [weights, scale, zero, bias])
    if node.operator != "Mul" or node.domain or len(node.inputs) != 2:
        return None
    for product, factor in (node.inputs, node.inputs[::-1]):
        cast, scales = made_by.get(product), made_by.get(factor)
        if cast is None or scales is None or cast.operator != "Cast" or scales.operator != "Mul":
            continue
        source = made_by.get(cast.inputs[0])
        if source is None or source.operator != "MatMulInteger" or len(scales.inputs) != 2:
            continue
        steps, weights, middle, zero = (*source.inputs, "", "")[:4]
        for step, scale in (scales.inputs, scales.inputs[::-1]):
            found = _joined(node, made_by, graph, [steps, step, middle], [weights, scale, zero])
            if found is not None:
                return found
    return None


def _joined(node: Node, made_by: dict[str, Node], graph: Graph, given: list[str], constants: list[str]) -> Node | None:
    """given: the quantized input, its scale and its zero. constants: weights, their scale, their zero, and a bias."""
    source = made_by.get(given[0])
    if source is None or source.operator != "DynamicQuantizeLinear" or list(source.outputs) != given:
        return None
    if any(name and name not in graph.constants for name in constants) or not all(constants[:2]):
        return None
    return Node("DynamicQuantizeMatMul", MICROSOFT, node.name, (source.inputs[0], *constants), node.outputs, {})


def without_unused(nodes: list[Node], wanted: set[str]) -> list[Node]:
    """The nodes that something uses, in their order."""
    made_by = {name: node for node in nodes for name in node.outputs if name}
    waiting, used = list(wanted), set()
    while waiting:
        node = made_by.get(waiting.pop())
        if node is not None and id(node) not in used:
            used.add(id(node))
            waiting += _names(node)
    return [node for node in nodes if id(node) in used]


def _names(node: Node) -> Iterator[str]:
    """The values that a node takes, and those that its graphs take."""
    yield from node.inputs
    for attribute in node.attributes.values():
        if isinstance(attribute.value, Graph):
            yield from (item.name for item in attribute.value.outputs)
            for inner in attribute.value.nodes:
                yield from _names(inner)
