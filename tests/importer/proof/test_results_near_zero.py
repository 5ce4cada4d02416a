"""Results near 0: they hide no error, and refuse no right program."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from tests.importer.conftest import Convert


class Value(nn.Module):
    """The value of a state: one number, which crosses 0. scale: of its results."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        torch.manual_seed(2)
        layers = [nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)]
        self.layers, self.scale = nn.Sequential(*layers), scale

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        return self.layers(state) * self.scale


def saved(scale: float, folder: Path) -> Path:
    path = folder / "value.pt2"
    torch.export.save(torch.export.export(Value(scale).eval(), (torch.randn(1, 8),)), path)
    return path


@pytest.mark.parametrize("recipe", ["xnnpack_fp16", "xnnpack_int8_static"])
def test_a_value_that_crosses_0(recipe: str, tmp_path: Path, convert_file: Convert) -> None:
    artifact = convert_file(saved(1.0, tmp_path), recipe=recipe)
    notes = " ".join(artifact.metadata["notes"])
    assert "In a call where 'output_0' is at most 0.0003" in notes and "judged by larger ones, up to 0.09" in notes
    assert artifact.metadata["accuracy"]["max_relative"] < 0.02


@pytest.mark.parametrize("recipe", ["xnnpack_fp16", "xnnpack_int8_static"])
def test_results_that_the_recipe_has_no_numbers_for(recipe: str, tmp_path: Path, convert_file: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_file(saved(1e-6, tmp_path), recipe=recipe)
    assert caught.value.code == "ACCURACY_LOST" and "backend is at fault" not in caught.value.cause


def test_results_that_are_too_small_to_judge_are_told(tmp_path: Path, convert_file: Convert) -> None:
    artifact = convert_file(saved(1e-8, tmp_path), recipe="xnnpack_int8_static")
    assert "too small to judge" in " ".join(artifact.metadata["notes"])
