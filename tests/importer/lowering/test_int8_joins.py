"""int8 of values of different sizes that are joined inside of a network, and calibration of several rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from tests.importer.conftest import Convert
from tests.importer.proof.test_what_is_compared import results


class Branches(nn.Module):
    """Two branches of different sizes that are joined in the middle: one int8 scale cannot hold both."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.large, self.small, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Conv2d(8, 6, 1)
        with torch.no_grad():
            self.large.weight *= 300
            self.small.weight *= 0.01
            self.last.weight[:, :4] *= 1e-3
            self.last.weight[:, 4:] *= 30

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.cat([torch.relu(self.large(x)), torch.relu(self.small(x))], 1))


def test_int8_of_a_join_in_the_middle(convert_file: Convert, tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    for number in range(16):
        np.save(folder / f"{number:02d}.npy", np.random.default_rng(number).random((1, 3, 8, 8), np.float32))
    path = tmp_path / "x.pt2"
    torch.export.save(torch.export.export(Branches().eval(), (torch.rand(1, 3, 8, 8),)), path)
    artifact = convert_file(path, recipe="xnnpack_int8_static", calibration=str(folder))
    x = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        expected = Branches()(x)
    assert (results(artifact, x) - expected).abs().max() < 0.05 * expected.abs().max()


def test_calibration_of_a_model_of_two_rows(convert_file: Convert, tmp_path: Path) -> None:
    """Samples without a batch, as the Python API writes them, are repeated in its rows."""
    folder = tmp_path / "rows"
    folder.mkdir()
    for number in range(16):
        np.save(folder / f"{number:02d}.npy", np.random.default_rng(number).random(8, np.float32))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    path = tmp_path / "x.pt2"
    torch.export.save(torch.export.export(model, (torch.rand(2, 8),)), path)
    metadata = convert_file(path, recipe="xnnpack_int8_static", calibration=str(folder)).metadata
    assert metadata["calibration"] == {"made_up": False, "samples": 13, "held_out": 3}
