"""The option `slice`: delegates in pieces, with the results of the whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from importer.cache.entry import Artifact
from importer.errors import ImporterError
from importer.kernels import threads
from importer.options import ImportOptions
from importer.program import etdump
from importer.program.measured import split
from tests.importer.conftest import Convert


class Residuals(nn.Module):
    """Convolutions whose sums cross each place where the delegate can be cut."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, padding=1)
        self.blocks = nn.ModuleList([nn.Conv2d(32, 32, 3, padding=1) for _ in range(3)])
        self.head = nn.Linear(32, 4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(pixels))
        start = x
        for block in self.blocks:
            x = torch.relu(block(x)) + x
        return self.head((x + start).mean((2, 3)))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("slices") / "residuals.pt2"
    torch.export.save(torch.export.export(Residuals().eval(), (torch.randn(1, 3, 64, 64),)), path)
    return path


def delegates(artifact: Artifact) -> list[Any]:
    return list(artifact.metadata["methods"][0]["delegates"])


@pytest.mark.parametrize("recipe", ["xnnpack_fp32", pytest.param("xnnpack_int8_static", marks=pytest.mark.slow)])
def test_delegates_are_cut_between_operators(convert_file: Convert, network: Path, recipe: str) -> None:
    whole, cut = (convert_file(network, recipe=recipe, slice=limit) for limit in ("", "0.001"))
    assert len(delegates(cut)) > len(delegates(whole))
    # Each convolution is in a piece of its own: an instruction cannot be shorter than an operator.
    assert all(sum("Convolution" in name for name in part["operators"]) <= 1 for part in delegates(cut))
    assert cut.metadata["accuracy"]["samples"] == whole.metadata["accuracy"]["samples"] > 0
    note = next(note for note in cut.metadata["notes"] if note.startswith("Slices: "))
    assert "over the 0.001 ms" in note and "cannot be cut" in note
    stable, measured = split(cut.metadata)
    assert note not in stable["notes"] and note in measured["notes"]


def test_a_program_that_is_fast_enough_stays_whole(convert_file: Convert, network: Path) -> None:
    whole, same = (convert_file(network, recipe="xnnpack_fp32", slice=limit) for limit in ("", "60000"))
    assert len(delegates(same)) == len(delegates(whole))
    note = next(note for note in same.metadata["notes"] if note.startswith("Slices: the longest instruction takes"))
    count = threads.default_count()
    assert f"ms on {count} thread" in note, "a game's default number, not all cores"


def test_delegates_that_are_small_parts_of_the_method_are_cut(convert_file: Convert, tmp_path: Path) -> None:
    """Normalizations, which XNNPACK does not compute, separate them."""
    layers = [nn.Sequential(nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 128), nn.LayerNorm(128)) for _ in range(8)]
    path = tmp_path / "layers.pt2"
    torch.export.save(torch.export.export(nn.Sequential(*layers).eval(), (torch.randn(64, 128),)), path)
    whole = convert_file(path, recipe="xnnpack_fp32", slice="60000")
    (taken,) = re.findall(r"takes ([\d.]+) ms", " ".join(whole.metadata["notes"]))
    cut = convert_file(path, recipe="xnnpack_fp32", slice=str(float(taken) / 4))
    assert len(delegates(cut)) > len(delegates(whole)) >= 8


@pytest.mark.parametrize("text", ["0", "-2", "soon", "nan", "inf"])
def test_wrong_limits_are_refused(text: str) -> None:
    (problem,) = ImportOptions(slice=text).check(None)
    assert problem.option == "slice" and text in problem.cause


def test_the_longest_instruction_of_no_calls() -> None:
    assert etdump.longest_instruction([]) == etdump.Longest("", 0, 0)


def test_a_limit_that_is_no_text_is_refused() -> None:
    with pytest.raises(ImporterError, match="must be str"):
        ImportOptions.from_mapping({"slice": 2})
