"""Operators whose kernel computes something else than eager PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import godot_executorch as ge
from tests.importer.conftest import Convert


class TanhGelu(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.gelu(x, approximate="tanh")


@pytest.mark.parametrize("recipe", ["xnnpack_fp32", "portable"])
def test_gelu_by_tanh(recipe: str, tmp_path: Path, convert_file: Convert) -> None:
    """XNNPACK computes it with erf: off by 5e-4, which the proof allows beside larger values."""
    x = torch.linspace(-6, 6, 256).reshape(1, 256)
    torch.export.save(torch.export.export(TanhGelu(), (x,)), tmp_path / "x.pt2")
    made = ge.Program(convert_file(tmp_path / "x.pt2", recipe=recipe).payload)
    torch.testing.assert_close(made(x)["output_0"], TanhGelu()(x), atol=1e-6, rtol=1e-5)


class Behaviours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(20.0).reshape(5, 4))

    def forward(self, which: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self.get_buffer("table")[which] + x[:, which]


def test_one_number_as_an_index(tmp_path: Path, convert_file: Convert) -> None:
    x = torch.randn(4, 5)
    torch.export.save(torch.export.export(Behaviours(), (torch.tensor(0), x)), tmp_path / "x.pt2")
    made = ge.Program(convert_file(tmp_path / "x.pt2").payload)
    for number in range(-5, 5):
        which = torch.tensor(number)
        assert made(which, x)["output_0"].equal(Behaviours()(which, x))


class Integers(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return x % 3, x % -5, x % y, torch.remainder(x, y.to(torch.int32)), x << 2, x >> 1, x << y.abs(), x >> y.abs()


def test_remainders_and_shifts_of_integers(tmp_path: Path, convert_file: Convert) -> None:
    x, y = torch.arange(-8, 8), torch.tensor([-3, 1, 2, 3, -1, 5, 4, -7] * 2)
    torch.export.save(torch.export.export(Integers(), (x, y)), tmp_path / "x.pt2")
    made = ge.Program(convert_file(tmp_path / "x.pt2").payload)
    for got, expected in zip(made(x, y).values(), Integers()(x, y), strict=True):
        assert got.equal(expected)
