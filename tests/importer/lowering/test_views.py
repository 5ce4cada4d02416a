"""Selecting, squeezing and unsqueezing are written so that XNNPACK takes them, and compute the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.importer.conftest import Convert


class Shaped(nn.Module):
    """Every axis and the first, the last and a middle position of each, counted from both ends."""

    def forward(self, value: Tensor) -> tuple[Tensor, ...]:
        made = []
        for axis in range(-value.dim(), value.dim()):
            size = value.shape[axis]
            made += [value.select(axis, position) * 2 for position in {0, size // 2, size - 1, -1, -size}]
            made += [value.unsqueeze(axis) + 1, value.narrow(axis, 0, 1).squeeze(axis) - 1]
        return (*made, value[:1, :1].squeeze() * 3, value[:1, :, :1].squeeze((0, 2)) * 4)


def _operators(program: torch.export.ExportedProgram) -> tuple[str, torch.export.ExportedProgram]:
    from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower

    from importer.lowering.passes.views import use_views

    edge = to_edge_transform_and_lower(
        program, transform_passes=[use_views], compile_config=EdgeCompileConfig(_check_ir_validity=False)
    ).exported_program()
    return " ".join(str(node.target) for node in edge.graph.nodes), edge


@pytest.mark.parametrize("shape", [(4, 3, 2), (1, 5, 2)], ids=str)
def test_they_compute_the_same(shape: tuple[int, ...]) -> None:
    layer, value = Shaped().eval(), torch.randn(shape)
    names, edge = _operators(torch.export.export(layer, (value,)))
    assert "view_copy" in names and "select" not in names and "queeze" not in names
    for one, other in zip(edge.module()(value), layer(value), strict=True):
        assert one.shape == other.shape and torch.equal(one, other)


@pytest.mark.parametrize("given_value", [torch.zeros(2, 0, 3), torch.zeros(2, 3, 4, dtype=torch.int64)], ids=str)
def test_what_xnnpack_would_refuse_is_left(given_value: Tensor) -> None:
    class Selected(nn.Module):
        def forward(self, value: Tensor) -> Tensor:
            return value.select(0, 1)

    assert "select" in _operators(torch.export.export(Selected(), (given_value,)))[0]


def test_an_encoder_is_cut_by_its_norms_only(tmp_path: Path, convert_file: Convert) -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, activation="gelu", batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    torch.export.save(torch.export.export(encoder, (torch.randn(1, 6, 16),)), tmp_path / "encoder.pt2")
    meta = convert_file(tmp_path / "encoder.pt2").metadata
    assert meta["accuracy"]["max_relative"] < 1e-5
    assert all("norm" in name for name in meta["methods"][0]["operators"])
