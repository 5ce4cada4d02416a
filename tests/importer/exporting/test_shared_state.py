"""Two methods over one buffer: in a program each would have a copy."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from importer.errors import ImporterError
from tests.importer.conftest import Convert

FACTORY = """
import torch
from torch import nn

class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.register_buffer("state", torch.ones(1))
    def forward(self, x):
        result = self.state * self.weight + x
        self.state.copy_(result)
        return result * 1.0

class Reset(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
    def forward(self, x):
        self.model.state.copy_(x)
        return self.model.state + 0.0

class Weight(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
    def forward(self, x):
        return self.model.weight * x

def build():
    return Counter()

def methods(model):
    other = {other}
    return {"forward": (model, (torch.zeros(1),)), "other": (other(model), (torch.zeros(1),))}
"""


def test_shared_state_is_refused_with_its_name_and_shared_weights_are_not(
    tmp_path: Path, convert_file: Convert
) -> None:
    torch.save({"weight": torch.ones(1), "state": torch.ones(1)}, tmp_path / "x.pth")
    for other in ("Reset", "Weight"):
        (tmp_path / f"{other.lower()}.py").write_text(FACTORY.replace("{other}", other), encoding="utf-8")
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "x.pth", project=tmp_path, factory="res://reset.py:build")
    assert caught.value.code == "SHARED_STATE" and "state'" in caught.value.cause
    convert_file(tmp_path / "x.pth", project=tmp_path, factory="res://weight.py:build")
