"""The integers that made-up inputs have: amounts, bytes, and indices that the model accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from importer.exporting.export import export
from importer.inputs.samples import samples
from importer.model import Source, SourceMethod
from importer.proof.proof import Proof
from tests.importer.conftest import Convert


def saved(module: nn.Module, example: torch.Tensor, folder: Path) -> Path:
    path = folder / f"{type(module).__name__.lower()}.pt2"
    torch.export.save(torch.export.export(module.eval(), (example,)), path)
    return path


class Pixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Linear(16, 4)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.see(obs.float() / 255.0)


@pytest.mark.parametrize(("dtype", "bounds"), [("int8", (-128, 127)), ("int16", (-32768, 32767)), ("int64", (0, 255))])
def test_made_up_integers_that_are_amounts(dtype: str, bounds: tuple[int, int]) -> None:
    example = ((torch.zeros(1, 1, 16, 16, dtype=getattr(torch, dtype)),), {})
    (method,) = export(Source([SourceMethod("forward", Pixels().eval(), None, example)]))
    assert method.bounds == [(bounds,)]
    values = torch.cat([sample.arguments[0][0].flatten() for sample in samples(method, [])])
    assert float(values.min()) <= bounds[0] * 0.9 and float(values.max()) >= bounds[1] * 0.9


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)

    def forward(self, word: torch.Tensor) -> torch.Tensor:
        return self.table(word.to(torch.int64))


def test_an_index_stays_in_its_table(tmp_path: Path, convert_file: Convert) -> None:
    convert_file(saved(Words(), torch.zeros(2, 3, dtype=torch.uint8), tmp_path))


class Hidden(nn.Module):
    """A table whose index the graph hides behind arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(1, 4)

    def forward(self, word: torch.Tensor) -> torch.Tensor:
        return self.table(word * 2)


def test_made_up_integers_that_the_model_refuses_give_way(tmp_path: Path, convert_file: Convert) -> None:
    artifact = convert_file(saved(Hidden(), torch.zeros(2, 3, dtype=torch.int64), tmp_path))
    assert any("one and the same value" in note for note in artifact.metadata["notes"])


class Offset(nn.Module):
    """An index behind arithmetic, and a count; the example is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 4)

    def forward(self, word: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        return self.table(word + 10) * (torch.arange(4) < count)


class Hops(nn.Module):
    """An index of two steps, the second of which the graph cannot tell the range of."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("following", torch.tensor([1, 2, 3, 0, 9, 9]))
        self.register_buffer("values", torch.arange(4.0))

    def forward(self, start: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self.get_buffer("values")[self.get_buffer("following")[start.clamp(min=0)]] + x


@pytest.mark.parametrize(
    ("model", "example", "ranges"),
    [
        (Offset(), (torch.zeros(1, 3, 1).long(), torch.zeros(1, 1, 1).int()), [(0, 31), (0, 255)]),
        (Hops(), (torch.zeros(2, dtype=torch.int64), torch.zeros(2)), [(0, 3), (0, 0)]),
        (Hops(), (torch.full((2,), 3), torch.zeros(2)), [(0, 3), (0, 0)]),
    ],
)
def test_integers_are_drawn_from_what_the_model_accepts(
    model: nn.Module, example: tuple[torch.Tensor, ...], ranges: list[tuple[int, int]]
) -> None:
    source = Source([SourceMethod("forward", model.eval(), None, (example, {}))])
    (method,) = export(source)
    assert [bounds[-1] for bounds in method.bounds] == ranges
    Proof([method], source, {"forward": []}, is_static=False)
    assert not [note for note in source.notes if "one and the same value" in note or "few values" in note]
