"""ELU runs in XNNPACK; what has further numbers than alpha stays outside, and both compute the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.importer.conftest import Convert


@pytest.mark.parametrize(
    ("layer", "delegated"),
    [(nn.ELU(), True), (nn.ELU(alpha=0.4), True), (nn.SELU(), False), (nn.CELU(alpha=2.0), False)],
    ids=str,
)
def test_elu(layer: nn.Module, delegated: bool, tmp_path: Path, convert_file: Convert) -> None:
    network = nn.Sequential(nn.Linear(5, 7), layer, nn.Linear(7, 3), layer).eval()
    torch.export.save(torch.export.export(network, (torch.randn(2, 5) * 3,)), tmp_path / "elu.pt2")
    meta = convert_file(tmp_path / "elu.pt2").metadata
    assert meta["accuracy"]["max_relative"] < 1e-5
    assert (meta["methods"][0]["operators"] == {}) == delegated
    assert (len(meta["methods"][0]["delegates"]) == 1) == delegated
