"""Our kernel of layer normalization against eager PyTorch: shapes, empty batches, with and without weights."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.export import Dim

from tests.importer.conftest import Convert

FORMS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((7,), {"eps": 0.1}),
    ((64,), {"elementwise_affine": False}),
    ((3, 11), {}),
    ((2, 1, 5), {"bias": False}),
]


@cache
def _lowered(form: int) -> tuple[Any, Any]:
    """A layer, and its program with a batch that varies, which calls our kernel."""
    from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
    from executorch.extension.pybindings import _C

    from importer.kernels import library
    from importer.lowering.passes.layer_norm import use_layer_norm_kernel

    shape, further = FORMS[form]
    torch.manual_seed(form)
    layer = nn.LayerNorm(shape, **further).eval()
    for value in layer.parameters():
        value.data = torch.randn_like(value)
    batch = Dim("batch", min=0, max=9)
    program = torch.export.export(layer, (torch.zeros(4, 2, *shape),), dynamic_shapes=({0: batch},))
    edge = to_edge_transform_and_lower(
        program, transform_passes=[use_layer_norm_kernel], compile_config=EdgeCompileConfig(_check_ir_validity=False)
    )
    names = [str(node.target) for node in edge.exported_program().graph.nodes if "norm" in str(node.target)]
    assert len(names) == 1 and "godot_executorch.layer_norm" in names[0]
    assert library.load()
    with tempfile.NamedTemporaryFile(suffix=".pte") as file:
        file.write(edge.to_executorch().buffer)
        file.flush()
        return layer, _C._load_program(file.name).load_method("forward")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(FORMS) - 1), st.integers(0, 9), st.sampled_from([0.0, 20.0, -300.0]), st.integers(0, 1 << 30))
def test_it_computes_the_same(form: int, batch: int, mean: float, seed: int) -> None:
    layer, method = _lowered(form)
    value = torch.randn(batch, 2, *FORMS[form][0], generator=torch.Generator().manual_seed(seed)) + mean
    got, expected = method.call([value])[0], layer(value)
    assert got.shape == expected.shape
    # A mean is known to a unit in its last place, which a small deviation makes larger.
    variances = value.flatten(2).var(-1, correction=0)
    smallest = float(variances.min()) if batch else 1.0
    weight = float(layer.weight.abs().max()) if layer.weight is not None else 1.0
    unit = abs(mean) * torch.finfo(torch.float32).eps / (smallest + layer.eps) ** 0.5
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-5 + 2 * unit * weight)


def test_rows_that_are_not_numbers_stay_so() -> None:
    layer, method = _lowered(1)
    value = torch.ones(1, 2, 7)
    value[0, 0, 3] = torch.nan
    got = method.call([value])[0]
    assert torch.isnan(got[0, 0]).all() and torch.allclose(got[0, 1], layer(value)[0, 1], atol=1e-6)


class Deviation(nn.Module):
    def forward(self, value: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.native_layer_norm(value, [4], None, None, 1e-5))


@pytest.mark.parametrize(
    ("layer", "dtype"), [(nn.LayerNorm(4).double(), torch.float64), (Deviation(), torch.float32)], ids=["double", "all"]
)
def test_what_it_does_not_compute_is_left(
    layer: nn.Module, dtype: torch.dtype, tmp_path: Path, convert_file: Convert
) -> None:
    torch.export.save(torch.export.export(layer.eval(), (torch.randn(3, 4, dtype=dtype),)), tmp_path / "norm.pt2")
    meta = convert_file(tmp_path / "norm.pt2").metadata
    assert "own_kernels" not in meta and "aten::native_layer_norm.out" in meta["methods"][0]["operators"]


def test_programs_for_another_executorch_call_none(tmp_path: Path, convert_file: Convert) -> None:
    layer = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 3)).eval()
    torch.export.save(torch.export.export(layer, (torch.randn(4, 6),)), tmp_path / "norm.pt2")
    assert convert_file(tmp_path / "norm.pt2").metadata["own_kernels"] == ["godot_executorch::layer_norm.out"]
    assert "own_kernels" not in convert_file(tmp_path / "norm.pt2", kernels="stock").metadata
