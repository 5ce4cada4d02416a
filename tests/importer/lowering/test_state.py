"""State that calls write to, in recipes that could lose it: a counter in fp16, and weights that a call changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import godot_executorch as ge

X = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))


class Counter(nn.Module):
    """A layer, how often it was called, and the average of its results."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.register_buffer("count", torch.full((1,), 2047.0))
        self.register_buffer("mean", torch.zeros(1, 8))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        y = torch.relu(self.layer(x))
        self.count += 1
        self.mean.mul_(0.9).add_(0.1 * y)
        return y, self.count * 2, self.layer(self.mean)


class Learner(nn.Module):
    """Its weights are state: each call adds to them."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.eye(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.linear(x, self.weight)
        self.weight.add_(0.1)
        return y


def test_a_counter_in_fp16_goes_on(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Counter().eval()
    program = ge.Program(ge.convert(network, X, recipe="xnnpack_fp16", cache=tmp_path).save(tmp_path / "counter.pte"))
    for call in range(4):
        expected, found = [value.detach().numpy() for value in network(X)], list(program(X).values())
        assert float(found[1][0]) == 2 * (2048 + call)
        assert abs(found[0] - expected[0]).max() < 1e-2 and abs(found[2] - expected[2]).max() < 1e-2


@pytest.mark.parametrize("recipe", ["xnnpack_fp32", "xnnpack_int8_static", "xnnpack_int8_dynamic"])
def test_weights_that_a_call_changes(recipe: str, tmp_path: Path) -> None:
    network = Learner()
    program = ge.Program(ge.convert(network, X, recipe=recipe, cache=tmp_path).save(tmp_path / "learner.pte"))
    for _ in range(4):
        expected, found = network(X).detach().numpy(), next(iter(program(X).values()))
        assert abs(found - expected).max() < (1e-5 if recipe == "xnnpack_fp32" else 0.1)


@pytest.mark.parametrize("recipe", ["xnnpack_fp32", "portable"])
def test_trainable_weights_beside_state(recipe: str, tmp_path: Path) -> None:
    """As a program is that was exported without torch.no_grad()."""
    torch.manual_seed(0)
    network = Counter().eval()
    torch.export.save(torch.export.export(network, (X,)), tmp_path / "counter.pt2")
    artifact = ge.convert(tmp_path / "counter.pt2", recipe=recipe, cache=tmp_path / "cache")
    program = ge.Program(artifact.save(tmp_path / "counter.pte"))
    for call in range(2):
        assert float(list(program(X).values())[1][0]) == 2 * (2048 + call)
