"""Copies that only repeat a shape are taken out; what really broadcasts, and an output of its own, stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from importer.program.metadata import inspect
from tests.importer.conftest import Convert


class Attention(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = x.view(x.shape[0], -1, 4, 8).transpose(1, 2)
        return nn.functional.scaled_dot_product_attention(heads, heads, heads * 2)


class Broadcast(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.expand(4, 6).clone() * 2 + x.expand(1, 6)


class Same(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.expand(1, 6)


def exported(folder: Path, model: nn.Module, example: torch.Tensor, varies: bool = False) -> Path:
    path = folder / f"{type(model).__name__}{'_varies' if varies else ''}.pt2"
    shapes = ({0: torch.export.Dim("batch", min=1, max=8)},) if varies else None
    program = torch.export.export(model.eval(), (example,), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


@pytest.mark.parametrize("recipe", ["xnnpack_fp32", "portable"])
@pytest.mark.parametrize("varies", [False, True])
def test_attention_has_none(convert_file: Convert, tmp_path: Path, recipe: str, varies: bool) -> None:
    artifact = convert_file(exported(tmp_path, Attention(), torch.rand(2, 5, 32), varies), recipe=recipe)
    assert not any("expand" in name for name in operators(artifact.payload))
    assert artifact.metadata["accuracy"]["max_relative"] < 1e-4


def test_a_broadcast_stays(convert_file: Convert, tmp_path: Path) -> None:
    artifact = convert_file(exported(tmp_path, Broadcast(), torch.rand(1, 6)), recipe="portable")
    assert operators(artifact.payload).get("aten::expand_copy.out") == 1
    assert artifact.metadata["accuracy"]["max_relative"] < 1e-6


def test_an_output_is_a_tensor_of_its_own(convert_file: Convert, tmp_path: Path) -> None:
    artifact = convert_file(exported(tmp_path, Same(), torch.rand(1, 6)), recipe="portable")
    assert operators(artifact.payload).get("aten::expand_copy.out") == 1


def operators(payload: Path) -> dict[str, int]:
    """Of what the backend left behind."""
    return dict(inspect(payload)["methods"][0]["operators"])
