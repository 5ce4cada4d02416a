"""What depends on no input is computed by the importer, and the rest stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from tests.importer.conftest import Convert


class Positions(nn.Module):
    """A causal mask and positions, which are made of sizes and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor([0.5, 2.0]))

    def forward(self, value: Tensor) -> Tensor:
        mask = torch.ones(4, 4).tril() * self.get_buffer("scale").sum()
        return value @ mask + torch.arange(4) * 3


class Tied(nn.Module):
    """One table for two purposes, as language models have."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(64, 512)

    def forward(self, ids: Tensor) -> Tensor:
        found = self.table(ids)
        return torch.matmul(found, self.table.weight.t())


class Counting(nn.Module):
    """What a buffer that changes is made into is no constant."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, value: Tensor) -> Tensor:
        before = self.get_buffer("count") * 2
        self.get_buffer("count").add_(1)
        return value + before


class Constant(nn.Module):
    """Results that depend on no input."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(3.0))

    def forward(self, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return value * 2, self.weight * 2, torch.arange(3) + 1


def converted(layer: nn.Module, value: Tensor, folder: Path, convert_file: Convert, **options: Any) -> dict[str, Any]:
    torch.export.save(torch.export.export(layer.eval(), (value,)), folder / "x.pt2")
    meta: dict[str, Any] = convert_file(folder / "x.pt2", **options).metadata
    assert meta["accuracy"]["max_relative"] < 1e-5
    return meta


def left_behind(meta: dict[str, Any]) -> list[str]:
    return [item["operator"] for item in meta["methods"][0]["delegation"]["left_behind"]]


def payload_bytes(meta: dict[str, Any]) -> int:
    return int(meta["constant_bytes"]) + sum(int(part["bytes"]) for part in meta["methods"][0].get("delegates", []))


@pytest.mark.parametrize("recipe", ["auto", "portable"])
def test_weight_normalization_leaves_no_operator(recipe: str, tmp_path: Path, convert_file: Convert) -> None:
    first = parametrizations.weight_norm(nn.Conv1d(8, 16, 3, padding=1))
    layer = nn.Sequential(first, nn.ReLU(), parametrizations.weight_norm(nn.Linear(20, 4)))
    meta = converted(layer, torch.randn(1, 8, 20), tmp_path, convert_file, recipe=recipe)
    if recipe == "auto":
        assert left_behind(meta) == []
    # The two halves of each weight are not in the file beside the weight.
    assert payload_bytes(meta) < 12_000


def test_masks_and_positions(tmp_path: Path, convert_file: Convert) -> None:
    meta = converted(Positions(), torch.randn(2, 4), tmp_path, convert_file)
    assert left_behind(meta) == []


def test_a_shared_table_is_stored_once(tmp_path: Path, convert_file: Convert) -> None:
    meta = converted(Tied(), torch.tensor([[1, 2, 3]]), tmp_path, convert_file, kernels="stock")
    assert payload_bytes(meta) < 2.5 * 64 * 512 * 4


def test_state_that_changes(tmp_path: Path, convert_file: Convert) -> None:
    converted(Counting(), torch.randn(1), tmp_path, convert_file)


def test_results_that_depend_on_no_input(tmp_path: Path, convert_file: Convert) -> None:
    converted(Constant(), torch.randn(3), tmp_path, convert_file)


def test_a_spectrum_is_permuted_as_floats(tmp_path: Path, convert_file: Convert) -> None:
    class Spectrum(nn.Module):
        def forward(self, sound: Tensor) -> Tensor:
            bins = torch.stft(sound, 64, 16, window=torch.hann_window(64), return_complex=True)
            return torch.view_as_real(bins) * 2

    meta = converted(Spectrum(), torch.randn(2, 400), tmp_path, convert_file)
    names = " ".join(left_behind(meta))
    assert "fft" in names and not any(word in names for word in ("permute", "index", "arange")), names
