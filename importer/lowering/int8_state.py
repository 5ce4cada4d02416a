"""State that int8 leaves alone: buffers that calls write to, such as counters and averages. An error of one call would
come back in the next one, and a range would stop a counter. Imports torch."""

from __future__ import annotations

import torch

_LAYERS = ("conv", "linear")
_SUMS = ("add", "mul", "cat")  # what XNNPACK's quantizer knows beside layers and averages


def written(graph: torch.fx.Graph) -> set[torch.fx.Node]:
    """The buffers that a graph writes to, their views and their values after a change."""
    found = {_base(target) for node in graph.nodes if (target := _target(node)) is not None}
    buffers = {node for node in found if node.op == "get_attr"}
    return {node for node in graph.nodes if _base(node) in buffers}


def exact_nodes(graph: torch.fx.Graph) -> set[torch.fx.Node]:
    """The operators that stay fp32: what is computed from state alone, what is between state and its next value, and
    what is summed for that value only. Layers are int8, but for those whose weights are state."""
    state = written(graph)
    touched = set(state)
    for node in graph.nodes:
        if node.op == "call_function" and not _is_layer(node) and not touched.isdisjoint(node.all_input_nodes):
            touched.add(node)
    towards = _towards(graph, state, touched)
    alone = state | {node for node in towards if node in touched}
    for node in graph.nodes:
        if node in touched and all(item in alone or item.op == "get_attr" for item in node.all_input_nodes):
            alone.add(node)
    changing = {node for node in graph.nodes if _is_layer(node) and not state.isdisjoint(_weights(node))}
    return {node for node in alone | towards | changing if node.op == "call_function"}


def _weights(layer: torch.fx.Node) -> set[torch.fx.Node]:
    return {item for item in layer.args[1:] if isinstance(item, torch.fx.Node)}


def _towards(graph: torch.fx.Graph, state: set[torch.fx.Node], touched: set[torch.fx.Node]) -> set[torch.fx.Node]:
    """What writes to state and what is written, back to layers: what state is part of, and sums for it only."""
    found = {node for node in graph.nodes if _target(node) in state}
    waiting = list(found)
    while waiting:
        for node in waiting.pop().all_input_nodes:
            is_for_state = _kind(node) in _SUMS and found.issuperset(node.users)
            if node not in found and node.op == "call_function" and (node in touched or is_for_state):
                found.add(node)
                waiting.append(node)
    return found


def _target(node: torch.fx.Node) -> torch.fx.Node | None:
    """What an operator writes to, if it does."""
    schema = getattr(node.target, "_schema", None) if node.op == "call_function" else None
    return node.all_input_nodes[0] if schema is not None and schema.is_mutable else None


def _base(node: torch.fx.Node) -> torch.fx.Node:
    """The tensor in whose memory a result is: of a view, or of an operator that writes to its first argument."""
    while node.op == "call_function" and (schema := getattr(node.target, "_schema", None)) is not None:
        if not schema.arguments or schema.arguments[0].alias_info is None or not node.all_input_nodes:
            break
        node = node.all_input_nodes[0]
    return node


def _is_layer(node: torch.fx.Node) -> bool:
    return _kind(node).startswith(_LAYERS)


def _kind(node: torch.fx.Node) -> str:
    """The operator's name without its library and form; empty for nodes that are not calls."""
    return str(node.target).partition(".")[2].partition(".")[0] if node.op == "call_function" else ""
