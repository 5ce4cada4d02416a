"""Buffers that calls write to, in int8 programs: they stay exact, call after call."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

import godot_executorch as ge


class Watch(nn.Module):
    """A layer; counts its calls, averages its inputs and results, and reads the averages through two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        for name, shape in (("count", (1,)), ("inputs", (1, 4)), ("results", (1, 4)), ("last", (2, 4))):
            self.register_buffer(name, torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        before = self.first(self.last), self.second(self.last)
        y = torch.relu(self.layer(x))
        self.count += 1
        self.inputs.mul_(0.9).add_(x, alpha=0.1)
        self.results = self.results * 0.9 + y * 0.1
        self.last.copy_(torch.cat([self.last[1:], x]))
        return y, self.count * 2 + 1, self.inputs + 0, self.results * 3, self.last * self.count, *before


def outputs(module: nn.Module, recipe: str, folder: Path) -> tuple[list[list[torch.Tensor]], list[list[torch.Tensor]]]:
    """The results of eager and the program for 40 calls; calibration sees 8."""
    torch.manual_seed(3)
    calls = [torch.rand(1, 4) * 2 - 1 for _ in range(40)]
    calibration = [call.sign() for call in calls[:8]] if "static" in recipe else None
    artifact = ge.convert(copy.deepcopy(module), (calls[0],), recipe=recipe, calibration=calibration, cache=folder)
    artifact.save(folder / "state.pte")
    program = ge.Program(folder / "state.pte")
    got = [[torch.as_tensor(value).clone() for value in program(call).values()] for call in calls]
    with torch.no_grad():
        eager = [module(call) for call in calls]
    want = [[value.clone() for value in (result if isinstance(result, tuple) else (result,))] for result in eager]
    return want, got


@pytest.mark.parametrize(
    "recipe",
    ["xnnpack_int8_static", pytest.param("xnnpack_int8_static_per_tensor", marks=pytest.mark.slow),
     "xnnpack_int8_dynamic"],
)  # fmt: skip
def test_state_stays_exact(recipe: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    want, got = outputs(Watch().eval(), recipe, tmp_path)
    for number in (0, 7, 39):
        _, count, inputs, _, last, *_ = want[number]
        assert torch.equal(got[number][1], count)
        assert torch.allclose(got[number][2], inputs, atol=1e-6) and torch.allclose(got[number][4], last, atol=1e-5)
    # The average of results is one of the program's own results.
    average = torch.zeros(1, 4)
    for result in got:
        average = average * 0.9 + result[0] * 0.1
        assert torch.allclose(result[3], average * 3, atol=1e-5 if "dynamic" in recipe else 0.02)
    for number in range(5):
        for index in (5, 6):
            assert torch.allclose(got[number][index], want[number][index], atol=0.1)
    assert (got[4][6] - got[0][6]).abs().max() > 0.2, "the second layer sees the state's first value only"
