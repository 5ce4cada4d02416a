"""`compare`: how much the results of two programs differ, also for NaN, infinity and classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import godot_executorch as ge
from importer.cli import conditions
from importer.cli.compare import compare, difference, difference_text
from importer.errors import ImporterError
from importer.jobs import messages
from tests import json_output
from tests.importer.conftest import Convert
from tests.importer.test_command_line import importer


def told(expected: torch.Tensor, got: torch.Tensor) -> dict[str, Any]:
    """The difference of one call, as the parent process gets it."""
    decoder = messages.Decoder()
    decoder.feed(messages.encode(difference([[expected]], [[got]])))
    found = decoder.next()
    assert found is not None
    return found


def holding(text: str, found: dict[str, Any]) -> str:
    (condition,) = conditions.parse(text, conditions.OF_COMPARISON)
    return condition.broken_by(conditions.of_comparison(condition, {"programs": [{}, {}], "difference": found}))


NUMBERS, NAN = torch.tensor([[1.0, 2.0, 3.0, 4.5]]), torch.full((1, 4), torch.nan)


@pytest.mark.parametrize(
    ("expected", "got", "reason"),
    [
        (NUMBERS, NAN, "not a number or infinite where the first program's result is not"),
        (NAN, NUMBERS, "0% of the first program's results are numbers"),
        (NAN, NAN, "0% of the first program's results are numbers"),
        (NUMBERS, NUMBERS[:, :2], "shape [1, 2] instead of [1, 4]"),
        (NUMBERS, NUMBERS.where(NUMBERS < 4, torch.inf), "not a number or infinite"),
    ],
)
def test_what_cannot_be_compared_is_not_equal(expected: torch.Tensor, got: torch.Tensor, reason: str) -> None:
    found = told(expected, got)
    for name in ("max_relative", "max_absolute"):
        assert holding(f"{name} > 1000", found) == f"{name} > 1000: the results cannot be compared"
    assert (
        difference_text(found).startswith("The results cannot be compared: output_0")
        and reason in found["worst_channel"]
    )


def test_classes_that_differ() -> None:
    left, right = torch.tensor([[3, 1, 0, 7]]), torch.tensor([[3, 1, 0, 4]])
    found = told(left, right)
    assert holding("differing > 20%", found) == "differing > 20%: it is 25%" and not holding("differing > 25%", found)
    assert holding("max_absolute > 2", found) == "max_absolute > 2: it is 3" and "25.00% of classes" in difference_text(
        found
    )
    assert not holding("max_relative > 0", told(left, left)) and not holding("differing > 0", told(left, left))
    for masks in ((left > 2, right > 4), (torch.zeros(1, 4, dtype=torch.int64), left)):
        assert holding("max_relative > 0.5", told(*masks))
    with pytest.raises(ImporterError) as caught:
        holding("differing > 1%", told(NUMBERS, NUMBERS))
    assert caught.value.code == "CONDITION_INVALID" and "no output of classes" in caught.value.cause


class Root(nn.Module):
    """Not a number for made-up inputs, which are at most 1."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * torch.sqrt(x - 100)


def test_the_inputs_of_a_person_decide(tmp_path: Path) -> None:
    example = torch.linspace(150.0, 250.0, 4)[None]

    def make(factor: float) -> Path:
        found = ge.convert(Root(factor), example, name=f"root{factor:g}", cache=tmp_path / "cache")
        return found.save(tmp_path / f"root{factor:g}.pte")

    words = ["compare", make(1.0), make(3.0)]
    blind = importer(*words, "--fail-if", "max_relative > 500%")
    assert blind.returncode == 3 and "max_relative > 500%: the results cannot be compared" in blind.stderr
    assert "0% of the first program's results are numbers" in blind.stdout
    assert json_output.read(importer(*words, "--json").stdout, "compare")["difference"]["max_relative"] is None
    values = np.linspace(101, 300, 32, dtype=np.float32).reshape(8, 4)
    np.savez(tmp_path / "test.npz", x=values, target=np.sqrt(values - 100))
    seen = importer(*words, "--inputs", tmp_path / "test.npz", "--json", "--fail-if", "max_relative > 190%")
    found = json_output.read(seen.stdout, "compare")
    assert seen.returncode == 3 and found["difference"]["samples"] == 8
    assert found["difference"]["max_relative"] == pytest.approx(2.0, rel=1e-3)
    assert found["broken"] == ["max_relative > 190%: it is 200%"]


def test_programs_with_other_outputs_are_not_compared(convert_zoo: Convert) -> None:
    one = convert_zoo("mlp", inputs="x: float32[3,32]", recipe="portable").payload
    two = convert_zoo("mlp", inputs="x: float32[3,32]", recipe="portable", also_outputs="relu").payload
    for pair in ((one, two), (two, one)):
        with pytest.raises(ImporterError) as caught:
            compare(*pair)
        assert caught.value.code == "PROGRAMS_DIFFER" and "number of outputs" in caught.value.cause, caught.value
