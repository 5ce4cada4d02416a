"""Two methods over one buffer: in a program each would have a copy."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from importer.exporting.export import export
from importer.model import Source, SourceMethod
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


class Assigns(nn.Module):
    state: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("state", torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.state = self.state * 0.5 + 1
        return x + self.state


class Forgets(nn.Module):
    def __init__(self, model: Assigns) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.model.state = torch.zeros(1)
        return x + self.model.state


class Reads(Forgets):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.model.state


@pytest.mark.parametrize("kind", [Forgets, Reads])
def test_state_that_is_assigned_in_a_part_of_the_model(kind: type[Forgets]) -> None:
    model, example = Assigns().eval(), ((torch.zeros(1),), {})
    methods = [SourceMethod("forward", model, None, example), SourceMethod("other", kind(model).eval(), None, example)]
    with pytest.raises(ImporterError) as caught:
        export(Source(methods))
    assert caught.value.code == "SHARED_STATE" and "state'" in caught.value.cause
    assert float(model.state) == 1.0


class Resets(nn.Module):
    def __init__(self, state: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("state", state)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.get_buffer("state").zero_()


def test_programs_of_one_file_with_a_buffer_of_one_name() -> None:
    """Each has a copy of it already, so that resetting one would never reach the other."""
    counter = Assigns().eval()
    with torch.no_grad():
        programs = [torch.export.export(item, (torch.zeros(1),)) for item in (counter, Resets(counter.state))]
    example = ((torch.zeros(1),), {})
    methods = [SourceMethod(name, None, program, example) for name, program in zip("ab", programs, strict=True)]
    with pytest.raises(ImporterError) as caught:
        export(Source(methods))
    assert caught.value.code == "SHARED_STATE" and "'state'" in caught.value.cause


class Holder(nn.Module):
    """The same buffer under another full name."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.memory = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.memory(x)


class Writes(nn.Module):
    def __init__(self, state: torch.Tensor, reads: bool = False) -> None:
        super().__init__()
        self.register_buffer("hidden", state)
        self.reads = reads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.reads:
            return x + self.get_buffer("hidden").add_(x)
        self.get_buffer("hidden").copy_(x * 2)
        return x + 1


@pytest.mark.parametrize("reads", [False, True])
def test_programs_of_one_file_with_a_buffer_of_two_names(reads: bool) -> None:
    """What a program writes and never reads is meant for another; what it reads too may be its own."""
    counter = Assigns().eval()
    with torch.no_grad():
        programs = [
            torch.export.export(item, (torch.zeros(1),)) for item in (Holder(counter), Writes(counter.state, reads))
        ]
    example = ((torch.zeros(1),), {})
    methods = [SourceMethod(name, None, program, example) for name, program in zip("ab", programs, strict=True)]
    if reads:
        assert len(export(Source(methods))) == 2
        return
    with pytest.raises(ImporterError) as caught:
        export(Source(methods))
    assert caught.value.code == "SHARED_STATE"
    assert "'hidden' and never reads it" in caught.value.cause and "'memory.state'" in caught.value.cause
