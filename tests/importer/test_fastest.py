"""The recipe `fastest` keeps the program that takes the least time on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from importer.program.measured import split
from tests.importer.conftest import Convert


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.second(torch.relu(self.first(image)))).mean((2, 3))


class Steps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(16, 64, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(x)[0]
        return found


def exported(model: nn.Module, shape: tuple[int, ...], path: Path) -> Path:
    torch.manual_seed(5)
    torch.export.save(torch.export.export(model.eval(), (torch.rand(shape),)), path)
    return path


def measured(notes: list[str]) -> dict[str, float]:
    (note,) = [note for note in notes if note.startswith("Measured: ")]
    return {title: float(taken.replace(",", "")) for title, taken in re.findall(r"(\w[\w ]*) ([\d,.]+) us", note)}


def test_calibrated_int8_is_measured_beside_fp32(convert_file: Convert, tmp_path: Path) -> None:
    path = exported(Picture(), (1, 3, 48, 48), tmp_path / "picture.pt2")
    (tmp_path / "pictures").mkdir()
    for index in range(10):
        np.save(tmp_path / "pictures" / f"{index}.npy", np.random.default_rng(index).random((1, 3, 48, 48), np.float32))
    meta = convert_file(path, recipe="fastest", calibration=str(tmp_path / "pictures")).metadata
    times = measured(meta["notes"])
    assert set(times) == {"xnnpack_fp32", "xnnpack_int8_static"}
    # Which one is faster is the machine's; that the choice follows what was measured is ours.
    kept = "xnnpack_int8_static" if times["xnnpack_int8_static"] < 0.95 * times["xnnpack_fp32"] else "xnnpack_fp32"
    assert meta["recipe"] == kept and meta["accuracy"]["max_relative"] <= meta["accuracy"]["tolerance"]["relative"]
    stable, found = split(meta)
    assert any("Measured" in note for note in found["notes"]) and not any(
        "Measured" in note for note in stable["notes"]
    )


def test_our_kernels_are_measured_beside_stock_ones(convert_file: Convert, tmp_path: Path) -> None:
    meta = convert_file(exported(Steps(), (1, 20, 16), tmp_path / "steps.pt2"), recipe="fastest").metadata
    times = measured(meta["notes"])
    assert set(times) == {"xnnpack_fp32", "xnnpack_fp32 with stock kernels"}
    is_ours = times["xnnpack_fp32 with stock kernels"] >= 0.95 * times["xnnpack_fp32"]
    assert ("own_kernels" in meta) is is_ours


def test_a_model_that_cannot_be_converted_has_its_own_error(convert_file: Convert, tmp_path: Path) -> None:
    (tmp_path / "bad.pt2").write_bytes(b"not a model")
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "bad.pt2", recipe="fastest")
    assert caught.value.code == "NOT_A_MODEL"
