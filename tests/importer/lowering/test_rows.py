"""Our kernels for whole rows against eager PyTorch: ranks, dtypes, empty tables and indices, repeated rows."""

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
from torch.export import Dim, ExportedProgram

from tests.importer.conftest import Convert

MOST = 12
SUMMED = [torch.float32, torch.float64, torch.int32, torch.int64]
DTYPES = [*SUMMED, torch.float16, torch.uint8, torch.bool]


class Taken(nn.Module):
    def forward(self, table: Tensor, index: Tensor) -> tuple[Tensor, ...]:
        wide = index[:, None].expand(index.shape[0], table.shape[1])
        return table[index], table.index_select(0, index), torch.gather(table, 0, wide), table[index[None]]


class Added(nn.Module):
    def forward(self, base: Tensor, index: Tensor, source: Tensor) -> tuple[Tensor, ...]:
        wide = index[:, None].expand(index.shape[0], base.shape[1])
        put = base.index_put((index,), source, accumulate=True)
        return base.index_add(0, index, source), put, base.scatter_add(0, wide, source)


class Put(nn.Module):
    def forward(self, base: Tensor, index: Tensor, source: Tensor) -> tuple[Tensor, ...]:
        return base.index_put((index,), source), base.index_copy(0, index, source)


FORMS: dict[type[nn.Module], tuple[str, int]] = {Taken: ("take_rows", 4), Added: ("add_rows", 3), Put: ("put_rows", 2)}


@cache
def _method(kind: Any, dtype: torch.dtype, index_dtype: torch.dtype, columns: tuple[int, ...]) -> Any:
    """The lowered module with sizes that vary, and how often it calls our kernel."""
    table = torch.zeros((3, *columns), dtype=dtype)
    index = torch.zeros(4, dtype=index_dtype)
    rows, count = Dim("rows", min=1, max=MOST), Dim("count", min=0, max=MOST)
    given = (table, index) if kind is Taken else (table, index, torch.zeros((4, *columns), dtype=dtype))
    shapes = tuple({0: size} for size in (rows, count, count)[: len(given)])
    program = torch.export.export(kind(), given, dynamic_shapes=shapes)
    return _lowered(program, *FORMS[kind])


def _lowered(program: ExportedProgram, name: str, calls: int) -> Any:
    """The loaded method of a program that calls one of our kernels so often."""
    from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
    from executorch.extension.pybindings import _C

    from importer.kernels import library
    from importer.lowering.passes.rows import use_row_kernels

    edge = to_edge_transform_and_lower(
        program, transform_passes=[use_row_kernels], compile_config=EdgeCompileConfig(_check_ir_validity=False)
    )
    assert sum(name in str(node.target) for node in edge.exported_program().graph.nodes) == calls
    assert library.load()
    with tempfile.NamedTemporaryFile(suffix=".pte") as file:
        file.write(edge.to_executorch().buffer)
        file.flush()
        return _C._load_program(file.name).load_method("forward")


def _draw(values: st.DrawFn, dtype: torch.dtype, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(values(st.integers(0, 1 << 30)))
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 2 if dtype == torch.bool else 100, shape, generator=generator).to(dtype)


@st.composite
def calls(draw: st.DrawFn, kind: type[nn.Module], dtypes: list[torch.dtype]) -> tuple[Any, tuple[Tensor, ...]]:
    dtype = draw(st.sampled_from(dtypes))
    index_dtype = torch.int64
    columns = (
        draw(st.sampled_from([(1,), (5,), (3, 0), (2, 3)])) if kind is Put else draw(st.sampled_from([(1,), (7,)]))
    )
    rows, count = draw(st.integers(1, MOST)), draw(st.integers(0, MOST))
    index = draw(
        st.lists(st.integers(0, rows - 1), min_size=count, max_size=count, unique=kind is Put and count <= rows)
    )
    if kind is Put and count > rows:  # which of two values for a row stays is not defined
        index = index[:1]
    position = torch.tensor(index, dtype=index_dtype)
    table = _draw(draw, dtype, rows, *columns)
    given = (table, position) if kind is Taken else (table, position, _draw(draw, dtype, len(index), *columns))
    form: Any = kind
    return _method(form, dtype, index_dtype, columns), given


def _agree(kind: type[nn.Module], method: Any, given: tuple[Tensor, ...]) -> None:
    expected = kind()(*given)
    got = method.call(given)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        assert torch.equal(one, other) if kind is not Added else torch.allclose(one, other)


@settings(max_examples=25, deadline=None)
@given(calls(Taken, DTYPES))
def test_taken_rows(call: tuple[Any, tuple[Tensor, ...]]) -> None:
    _agree(Taken, *call)


@settings(max_examples=25, deadline=None)
@given(calls(Added, SUMMED))
def test_added_rows(call: tuple[Any, tuple[Tensor, ...]]) -> None:
    _agree(Added, *call)


@settings(max_examples=25, deadline=None)
@given(calls(Put, DTYPES))
def test_put_rows(call: tuple[Any, tuple[Tensor, ...]]) -> None:
    _agree(Put, *call)


@pytest.mark.parametrize("kind", list(FORMS))
def test_an_index_outside_of_the_table(kind: Any) -> None:
    method = _method(kind, torch.float32, torch.int64, (7,))
    given = [torch.zeros(3, 7), torch.tensor([0, 3])] + ([] if kind is Taken else [torch.zeros(2, 7)])
    with pytest.raises(RuntimeError):
        method.call(given)
    assert len(method.call([given[0], torch.tensor([-1, 2]), *given[2:]])) == FORMS[kind][1]


@pytest.mark.parametrize("index_dtype", [torch.int32, torch.int64])
def test_an_embedding_of_a_matrix_of_words(index_dtype: torch.dtype) -> None:
    layer = nn.Embedding(11, 6, padding_idx=0).eval()
    words = torch.randint(0, 11, (2, 5)).to(index_dtype)
    method = _lowered(torch.export.export(layer, (words,)), "take_rows", 1)
    assert torch.equal(method.call([words])[0], layer(words))


def test_programs_for_another_executorch_call_none(tmp_path: Path, convert_file: Convert) -> None:
    path = tmp_path / "table.pt2"
    layer = nn.Sequential(nn.Embedding(11, 6), nn.Linear(6, 3)).eval()
    torch.export.save(torch.export.export(layer, (torch.randint(0, 11, (4,)),)), path)
    own = convert_file(path).metadata
    assert own["own_kernels"] == ["godot_executorch::take_rows.out"]
    assert any("take_rows" in note and "kernels 'stock'" in note for note in own["notes"])
    stock = convert_file(path, kernels="stock").metadata
    assert "own_kernels" not in stock and "aten::embedding.out" in stock["methods"][0]["operators"]


def test_a_recurrent_layer_for_another_executorch_is_a_loop(convert_zoo: Convert) -> None:
    meta = convert_zoo("recurrent", {"kind": "GRU"}, inputs="float32[1,20,8]", kernels="stock").metadata
    assert "own_kernels" not in meta and any("loop (scan)" in note for note in meta["notes"])
