"""Values of different sizes that one int8 scale cannot hold, such as boxes of 0 to 640 and scores of 0 to 1: what joins
or makes them is left in fp32. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from importer.lowering.parts import MUCH_SMALLER, parts_of
from importer.model import Arguments

_CALLS = 8
_DIFFERENT = 8  # times: the smaller one would have less than 32 of 256 steps
_JOINS = ("cat", "stack", "concat", "concatenate", "hstack", "vstack")
_LAYERS = ("conv", "linear", "addmm", "mm", "matmul", "bmm")
_ELEMENTWISE = ("mul", "add", "sub", "div")
_MOVES = ("view", "reshape", "flatten", "permute", "transpose", "t", "squeeze", "unsqueeze", "contiguous", "clone")


def uneven_nodes(module: torch.fx.GraphModule, calls: Iterable[Arguments]) -> list[torch.fx.Node]:
    """Nodes that join tensors of different sizes, and last layers whose channels are of different sizes."""
    joins = [node for node in module.graph.nodes if _kind(node) in _JOINS and _joined(node)]
    last = _last_layers(module)
    wanted = {node.name for join in joins for node in _joined(join)}
    recorder = _Recorder(module, wanted, {node.name for node in last})
    with torch.no_grad():
        for number, (positional, keyword) in enumerate(calls):
            if number >= _CALLS:
                break
            recorder.run(*torch.utils._pytree.tree_leaves((positional, keyword)), enable_io_processing=False)
    found = []
    for join in joins:
        sizes = [recorder.largest.get(node.name, 0.0) for node in _joined(join)]
        sizes = [size for size in sizes if size > 0]
        if len(sizes) > 1 and max(sizes) > _DIFFERENT * min(sizes):
            found.append(join)
    for node in last:
        channels = recorder.channels.get(node.name)
        values = recorder.values.get(node.name)
        if (channels is not None and _is_uneven(channels)) or (values and parts_of(values)):
            found.append(node)
    return found


class _Recorder(torch.fx.Interpreter):
    """The largest value of some nodes, and of each channel of layers among others, over all runs; of what is no layer
    the results themselves."""

    def __init__(self, module: torch.fx.GraphModule, whole: set[str], by_channel: set[str]) -> None:
        super().__init__(module)
        self._whole, self._by_channel = whole, by_channel
        self.largest: dict[str, float] = {}
        self.channels: dict[str, torch.Tensor] = {}
        self.values: dict[str, list[torch.Tensor]] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, torch.Tensor) and result.is_floating_point() and result.numel():
            size = result.detach().abs()
            if n.name in self._whole:
                self.largest[n.name] = max(self.largest.get(n.name, 0.0), float(size.max()))
            if n.name in self._by_channel and not _kind(n).startswith(_LAYERS):
                self.values.setdefault(n.name, []).append(result.detach())
            elif n.name in self._by_channel and size.dim() > 1:
                axis = 1 if _kind(n).startswith("conv") else size.dim() - 1
                channels = size.movedim(axis, 0).reshape(size.shape[axis], -1).amax(1)
                self.channels[n.name] = torch.maximum(self.channels.get(n.name, channels), channels)
        return result


def _is_uneven(channels: torch.Tensor) -> bool:
    scales = channels[channels > 0]
    return bool(scales.numel() > 1 and scales.max() > 1 and scales.max() > MUCH_SMALLER * scales.min())


def _last_layers(module: torch.fx.GraphModule) -> list[torch.fx.Node]:
    """Layers, and products and sums with a vector, whose results reach the outputs through nothing but other shapes."""
    (output,) = [node for node in module.graph.nodes if node.op == "output"]
    found, unread, seen = [], list(output.all_input_nodes), set()
    while unread:
        node = unread.pop()
        if node in seen:
            continue
        seen.add(node)
        kind = _kind(node)
        if kind.startswith(_LAYERS) or kind in _ELEMENTWISE:
            found.append(node)
        elif kind in _MOVES or kind in _JOINS:
            unread += node.all_input_nodes
    return found


def _joined(node: torch.fx.Node) -> list[torch.fx.Node]:
    items = node.args[0] if node.args else ()
    return [item for item in items if isinstance(item, torch.fx.Node)] if isinstance(items, (list, tuple)) else []


def _kind(node: torch.fx.Node) -> str:
    return str(node.target).partition(".")[2].partition(".")[0] if node.op == "call_function" else ""
