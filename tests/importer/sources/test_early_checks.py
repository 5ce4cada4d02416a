"""What one file lacks is told at once, in milliseconds, without torch in the process that says it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.sources.early_checks import refuse_early
from importer.sources.file_kind import recognise

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, size=8):
        super().__init__()
        self.layer = nn.Linear(size, 4)

    def forward(self, x):
        return self.layer(x)
"""


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class Two(nn.Module):
    def forward(self, image: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        return image + state


class Flag(nn.Module):
    def forward(self, x: torch.Tensor, twice: bool) -> torch.Tensor:
        return x * 2 if twice else x


def refusal(path: Path, **options: str) -> ImporterError | None:
    try:
        refuse_early(path, path.parent, ImportOptions.from_mapping(options), allow_pickle=False)
    except ImporterError as error:
        return error
    return None


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save(Net().state_dict(), tmp_path / "net.pth")
    return tmp_path / "net.pth"


@pytest.mark.parametrize("count", [4, 5])
def test_dots_stand_for_tensors_that_are_not_listed(tmp_path: Path, count: int) -> None:
    torch.save({f"layer.{index}": torch.ones(2) for index in range(count)}, tmp_path / "net.pth")
    error = refusal(tmp_path / "net.pth")
    assert error is not None and f"{count} tensors" in error.cause and (", ...)" in error.cause) == (count == 5)


def test_a_state_dict_says_that_it_needs_both(weights: Path) -> None:
    error = refusal(weights)
    assert error is not None and error.code == "STATE_DICT_NEEDS_FACTORY" and "example_inputs()" in error.remedy
    (weights.parent / "net.py").write_text(NET)
    error = refusal(weights)
    assert error is not None and "'factory' to res://net.py:Net and" in error.remedy
    assert error.guesses[0]["options"] == {"factory": "res://net.py:Net", "inputs": "x: float32[1,8]"}


def test_a_factory_without_example_inputs(weights: Path) -> None:
    (weights.parent / "net.py").write_text(NET)
    error = refusal(weights, factory="res://net.py:Net")
    assert error is not None and error.code == "INPUTS_NEEDED" and "x: float32[1,8]" in error.remedy
    assert "example_inputs() into net.py" in error.remedy
    assert refusal(weights, factory="res://net.py:Net", inputs="x: float32[1,8]") is None
    for more in ("def example_inputs(): ...", "example_inputs = list", "from other import *", "if True: pass"):
        (weights.parent / "net.py").write_text(f"{NET}\n{more}\n")
        assert refusal(weights, factory="res://net.py:Net") is None, more


def test_a_script_without_inputs(tmp_path: Path) -> None:
    for name, script in (("scripted", torch.jit.script(Net())), ("traced", torch.jit.trace(Net(), torch.ones(1, 8)))):
        script.save(str(tmp_path / f"{name}.pt"))
        error = refusal(tmp_path / f"{name}.pt")
        assert error is not None and error.code == "INPUTS_NEEDED" and "x: float32[1,8]" in error.remedy
        assert "factory" not in error.remedy and "example_inputs" not in error.remedy  # there is none
        assert refusal(tmp_path / f"{name}.pt", inputs="x: float32[1,8]") is None
    torch.jit.script(Two()).save(str(tmp_path / "two.pt"))
    error = refusal(tmp_path / "two.pt")
    assert error is not None and "forward takes image, state" in error.cause
    torch.jit.script(Flag()).save(str(tmp_path / "flag.pt"))
    assert refusal(tmp_path / "flag.pt") is None  # torch says what is wrong with it


def test_all_wrong_options_are_told(weights: Path) -> None:
    error = refusal(weights, factory="res://none.py:Net", recipe="best", max_relative_error="much")
    assert error is not None and error.code == "OPTION_INVALID"
    assert all(f"ption '{name}'" in error.cause for name in ("recipe", "max_relative_error", "factory"))


def test_a_pickled_module_says_that_it_needs_inputs_too(tmp_path: Path) -> None:
    torch.save(Net(), tmp_path / "net.pt")
    error = refusal(tmp_path / "net.pt")
    assert error is not None and error.code == "PICKLE_NEEDS_PERMISSION" and "'inputs'" in error.remedy
    error = refusal(tmp_path / "net.pt", inputs="x: float32[1,8]")
    assert error is not None and "'inputs'" not in error.remedy


def test_a_script_without_forward(tmp_path: Path) -> None:
    from importer.sources.load import load

    class Actor(nn.Module):
        @torch.jit.export
        def act(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    path = tmp_path / "actor.pt"
    torch.jit.script(Actor()).save(str(path))
    with pytest.raises(ImporterError) as caught:
        load(path, recognise(path), ImportOptions(inputs="x: float32[1,8]"), None, False, tmp_path)
    assert caught.value.code == "NO_MODEL_INSIDE" and "it has act" in caught.value.cause
