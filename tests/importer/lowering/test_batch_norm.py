"""Batch normalizations behind int8 layers: the quantization makes them a part of the layers' weights and biases."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import godot_executorch as ge


class Normed(nn.Module):
    """As after a training: the statistics are not 0 and 1. It counts its calls, which the calibration must not do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.first_norm = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8)
        self.second, self.second_norm = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)
        self.register_buffer("calls", torch.zeros(1, dtype=torch.int64))
        for norm in (self.first_norm, self.second_norm):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.2, 3)
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.uniform_(norm.bias, -1, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        return self.second_norm(self.second(self.first_norm(self.first(x)).relu())), self.calls * 1


@pytest.mark.parametrize(
    ("recipe", "float_layers"),
    [
        ("xnnpack_int8_static", []),
        ("xnnpack_int8_static_per_tensor", []),
        ("xnnpack_int8_static", ["first"]),
        ("xnnpack_int8_static", ["first: fp16"]),
        ("xnnpack_int8_static", ["first", "second"]),
    ],
)
def test_the_norms_are_part_of_the_layers(
    recipe: str, float_layers: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache: Path = tmp_path_factory.getbasetemp() / "cache"
    model = Normed().eval()
    images = torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = ge.convert(
        model, images[:1], recipe=ge.Recipe(recipe, float_layers=float_layers), calibration=images[8:], cache=cache
    )
    program = ge.Program(found)
    for number in range(8):
        with torch.no_grad():
            expected, _ = model(images[number : number + 1])
        result, calls = program(images[number : number + 1]).values()
        error = ((result - expected).square().mean() / expected.square().mean()).sqrt()
        assert error < (0.04 if len(float_layers) < 2 else 1e-5) and calls == number + 1, (number, error, calls)
