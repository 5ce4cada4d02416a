"""The error that each layer of an int8 program alone adds to the output: all other layers stay fp32. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from importer.inputs import samples
from importer.inputs.labelled import Labelled
from importer.lowering.int8_graph import layers_of
from importer.lowering.quantize import pt2e_graph
from importer.lowering.recipes import Scheme
from importer.model import Arguments, Method
from importer.options import ImportOptions

_MOST_SAMPLES = 16
_MOST_RUNS = 1600  # of all layers together


def layer_errors(
    method: Method,
    calibration: Iterable[Arguments],
    options: ImportOptions,
    scheme: Scheme,
    data: Sequence[Labelled],
) -> list[dict[str, Any]]:
    """`{layer, error, weights, multiplications}` of each layer that is quantized, in the program's order.

    error: of the outputs, relative to fp32, by the Euclidean norm over at most 16 samples of the evaluation data.
    """
    graph = pt2e_graph(method, calibration, options, scheme, stores_int8=False)
    runner = _OneLayer(graph)
    most = max(1, min(_MOST_SAMPLES, _MOST_RUNS // max(1, len(runner.layers))))
    spread = data[:: max(1, len(data) // most)][:most]
    inputs = [samples.inputs_of(samples.with_tensors(method.example, item.inputs)) for item in spread]
    errors = dict.fromkeys(runner.layers, 0.0)
    size = 0.0
    with torch.no_grad():
        for given in inputs:
            expected = runner.outputs(given, "")
            size += sum(float(value.double().square().sum()) for value in expected)
            for layer in runner.layers:
                got = runner.outputs(given, layer)
                pairs = zip(expected, got, strict=True)
                errors[layer] += sum(float((left - right).double().square().sum()) for left, right in pairs)
    return [
        {
            "layer": layer,
            "error": float(f"{(errors[layer] / size) ** 0.5 if size else 0.0:.3g}"),
            "weights": cost.weights,
            "multiplications": cost.multiplications,
        }
        for layer, cost in runner.layers.items()
    ]


@dataclass
class _Cost:
    weights: int = 0
    multiplications: int = 0


@dataclass(frozen=True)
class _Quantized:
    """A value and its quantized form, of which each user takes one."""

    value: torch.Tensor
    quantized: torch.Tensor


class _OneLayer(torch.fx.Interpreter):
    """Runs a quantized graph in which only one layer is quantized, or none."""

    def __init__(self, graph: torch.fx.GraphModule) -> None:
        super().__init__(graph)
        named = layers_of(graph)
        self._owners = {node: _owners(node, named) for node in graph.graph.nodes if _is(node, "dequantize")}
        quantized = {name for owners in self._owners.values() for name in owners}
        self._names = {node: name for node, name in named.items() if name in quantized}
        self.layers = {name: _Cost() for name in dict.fromkeys(self._names.values())}
        self._layer = ""
        self._counts = True

    def outputs(self, inputs: list[torch.Tensor], layer: str) -> list[torch.Tensor]:
        """The float outputs when this layer alone is quantized; without a name, none is."""
        self._layer = layer
        found = samples.flatten_outputs(self.run(*inputs, enable_io_processing=False))
        self._counts = False
        return [value for value in found if value.is_floating_point()]

    def run_node(self, n: torch.fx.Node) -> Any:
        if _is(n, "dequantize"):
            given = self.env[n.args[0]]  # type: ignore[index]
            if not isinstance(given, _Quantized):
                return super().run_node(n)
            if self._layer not in self._owners[n]:
                return given.value
            self.env[n.args[0]] = given.quantized  # type: ignore[index]
            try:
                return super().run_node(n)
            finally:
                self.env[n.args[0]] = given  # type: ignore[index]
        result = super().run_node(n)
        if _is(n, "quantize"):
            return _Quantized(self.env[n.args[0]], result)  # type: ignore[index]
        if self._counts and n in self._names:
            self._count(n, result)
        return result

    def _count(self, node: torch.fx.Node, result: torch.Tensor) -> None:
        weight, cost = self.env[node.args[1]], self.layers[self._names[node]]  # type: ignore[index]
        channels = result.shape[1] if "conv" in str(node.target) else result.shape[-1]
        cost.weights = max(cost.weights, weight.numel())
        cost.multiplications += weight.numel() * (result.numel() // max(1, channels))


def _is(node: torch.fx.Node, kind: str) -> bool:
    return node.op == "call_function" and str(node.target).partition(".")[2].startswith(f"{kind}_per_")


def _owners(node: torch.fx.Node, named: dict[torch.fx.Node, str]) -> set[str]:
    """The layers that take a dequantized value, and the one that it comes from: if any of them is int8, it is."""
    owners = {named[user] for user in node.users if user in named}
    source: Any = node
    while isinstance(source, torch.fx.Node) and source not in named and source.args:
        source = source.args[0]
    return owners | ({named[source]} if source in named else set())
