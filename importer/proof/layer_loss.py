"""Which layers of a quantized program lose most: both programs run in PyTorch, layer by layer. Imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.export import ExportedProgram

from importer.inputs.samples import inputs_of
from importer.model import Arguments, Method

_LAYERS = ("conv", "linear", "addmm", "mm", "bmm", "matmul", "lstm", "gru", "embedding", "scaled_dot_product_attention")


@dataclass(frozen=True)
class Loss:
    """before, after: the relative error of a layer's input and output."""

    layer: str
    before: float
    after: float

    @property
    def own(self) -> float:
        return self.after - self.before

    def __str__(self) -> str:
        return f"{self.layer} ({self.before:.2g} before it, {self.after:.2g} after it)"


def worst(method: Method, changed: ExportedProgram, arguments: Arguments, most: int = 3) -> list[Loss]:
    """The layers that add most error, the worst first; empty when the two programs have different layers."""
    original = _layers(method.program, arguments)
    now = _layers(changed, arguments)
    losses = []
    before = 0.0
    for key, (name, expected) in original.items():
        if key not in now or now[key][1].shape != expected.shape:
            continue
        after = _relative(expected, now[key][1])
        losses.append(Loss(name, before, after))
        before = after
    losses.sort(key=lambda loss: -loss.own)
    return [loss for loss in losses[:most] if loss.own > 0]


def _layers(program: ExportedProgram, arguments: Arguments) -> dict[tuple[str, int], tuple[str, torch.Tensor]]:
    """(kind, which of its kind) -> (name, result). Quantization puts nodes between layers and keeps their order."""
    recorder = _Recorder(program.module(check_guards=False))
    with torch.no_grad():
        recorder.run(*inputs_of(arguments), enable_io_processing=False)
    return recorder.found


class _Recorder(torch.fx.Interpreter):
    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.found: dict[tuple[str, int], tuple[str, torch.Tensor]] = {}
        self._counts: dict[str, int] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        result = super().run_node(n)
        kind = str(n.target).removeprefix("aten.").partition(".")[0]
        if n.op == "call_function" and kind.startswith(_LAYERS):
            first = result[0] if isinstance(result, (list, tuple)) else result
            index = self._counts.get(kind, 0)
            self._counts[kind] = index + 1
            if isinstance(first, torch.Tensor) and first.is_floating_point():
                self.found[kind, index] = (_name(n), first.detach().clone())
        return result


def _name(node: torch.fx.Node) -> str:
    """The layer's place in the model, by the name of its weight; else by the graph's own name."""
    for value in node.all_input_nodes:
        if value.op == "get_attr" and str(value.target).endswith("weight"):
            return str(value.target).removesuffix(".weight")
    return node.name


def _relative(expected: torch.Tensor, got: torch.Tensor) -> float:
    expected, got = expected.double(), got.double()
    return float((expected - got).norm() / expected.norm().clamp(min=1e-12))
