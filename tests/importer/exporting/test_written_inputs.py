"""Models that write into their inputs: the program works on a copy, and the caller's values stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import godot_executorch as ge
from importer.exporting.export import export
from importer.model import Arguments, Source, SourceMethod
from tests.importer.conftest import Convert


class Adds(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x.add_(1)
        return x * 2


class WritesAPart(nn.Module):
    """Into a view of a view, and returns the input itself."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x.reshape(-1)[1:3].mul_(10)
        return x, x.sum()


class Normalizes(nn.Module):
    """As an environment's wrapper does, with state of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.get_buffer("steps").add_(1)
        x -= self.get_buffer("steps")
        return x


@pytest.mark.parametrize("is_functional", [False, True])
@pytest.mark.parametrize("kind", [Adds, WritesAPart, Normalizes])
def test_the_program_works_on_a_copy(
    kind: type[nn.Module], is_functional: bool, tmp_path: Path, convert_file: Convert
) -> None:
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    program = torch.export.export(kind(), (x.clone(),))
    torch.export.save(program.run_decompositions({}) if is_functional else program, tmp_path / "x.pt2")
    artifact = convert_file(tmp_path / "x.pt2")
    assert any("writes into its input 'x'" in note for note in artifact.metadata["notes"])
    model, made = kind(), ge.Program(artifact.payload)
    for _ in range(2):
        given, expected = x.clone(), model(x.clone())
        got = made(given)
        assert given.equal(x)
        for left, right in zip(got.values(), expected if isinstance(expected, tuple) else [expected], strict=True):
            torch.testing.assert_close(left, right)


def test_a_script(tmp_path: Path, convert_file: Convert) -> None:
    torch.jit.script(WritesAPart()).save(str(tmp_path / "x.pt"))
    made = ge.Program(convert_file(tmp_path / "x.pt", inputs="x: float32[1,4]").payload)
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    first, total = made(x).values()
    assert first.tolist() == [[1.0, 20.0, 30.0, 4.0]] and float(total) == 55.0


class Pair(nn.Module):
    def forward(self, pair: dict[str, torch.Tensor]) -> torch.Tensor:
        pair["left"].add_(pair["right"])
        return pair["left"] * 2


def test_a_module_leaves_the_example_as_it_is() -> None:
    left = torch.zeros(2)
    example: Arguments = (({"left": left, "right": torch.ones(2)},), {})
    source = Source([SourceMethod("forward", Pair(), None, example)])
    method = export(source)[0]
    assert left.tolist() == [0.0, 0.0]
    assert [item.kind.name for item in method.program.graph_signature.output_specs] == ["USER_OUTPUT"]
    assert source.notes == ["'forward' writes into its input 'left': the program works on a copy of it."]
