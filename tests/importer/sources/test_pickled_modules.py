"""A pickled module whose class lies in the project: its weights without its code, or its code with permission."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import torch

from importer.errors import ImporterError
from importer.jobs.conversion import Job, convert_in_child
from importer.options import ImportOptions
from importer.sources.early_checks import named, refuse_early
from importer.sources.file_kind import FileKind

NET = """
import torch
from torch import nn

class Policy(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.body = nn.Linear(6, hidden)
        self.act = nn.Tanh()
        self.head = nn.Linear(hidden, 2)
        self.names = {"walk"}
    def forward(self, observation):
        return self.head(self.act(self.body(observation)))
"""
GUESS = {"factory": "res://policy_net.py:Policy", "inputs": "observation: float32[1,6]"}


@contextmanager
def known_as(name: str, code: str) -> Iterator[ModuleType]:
    """While it lasts the code is the module that a training script imports by this name."""
    module = ModuleType(name)
    exec(code, module.__dict__)
    with pytest.MonkeyPatch.context() as patched:
        if "." in name:
            patched.setitem(sys.modules, name.partition(".")[0], ModuleType(name.partition(".")[0]))
        patched.setitem(sys.modules, name, module)
        yield module


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "policy_net.py").write_text(NET, encoding="utf-8")
    with known_as("policy_net", NET) as module:
        torch.save(module.Policy(), tmp_path / "whole.pt")
    return tmp_path / "whole.pt"


def refusal(path: Path, allow_pickle: bool = False, **options: str) -> ImporterError:
    with pytest.raises(ImporterError) as caught:
        refuse_early(path, path.parent, ImportOptions.from_mapping(options), allow_pickle)
    return caught.value


def converted(path: Path, allow_pickle: bool, **options: str) -> str:
    """The name of the first input, as the metadata has it."""
    chosen = ImportOptions.from_mapping({"recipe": "portable", **options})
    job = Job(path, str(path.parent / "cache"), chosen, path.parent, path.name, allow_pickle)
    return str(convert_in_child(job).metadata["methods"][0]["inputs"][0]["name"])


def test_its_class_is_offered_and_needs_no_permission(whole: Path) -> None:
    error = refusal(whole)
    assert error.code == "PICKLE_NEEDS_PERMISSION" and error.guesses[0]["options"] == GUESS
    assert error.guesses[0]["title"] == "Use Policy of policy_net.py: one sample per call"
    assert "only its weights are read, and no code of the file runs" in error.remedy
    assert converted(whole, False, **GUESS) == "observation"


def test_the_class_that_the_pickle_names_stands_before_others_that_fit(whole: Path) -> None:
    (whole.parent / "a.py").write_text(NET.replace("Policy", "Another"), encoding="utf-8")
    titles = [guess["title"].partition(":")[0] for guess in refusal(whole).guesses]
    assert titles[:2] == ["Use Policy of policy_net.py"] * 2 and "Use Another of a.py" in titles


def test_a_class_that_cannot_be_compared_is_offered_because_the_pickle_names_it(whole: Path) -> None:
    code = NET.replace("self.head = nn.Linear(hidden, 2)", "setattr(self, 'head', nn.Linear(hidden, 2))")
    code = code.replace("self.body = nn.Linear(6, hidden)", "setattr(self, 'body', nn.Linear(6, hidden))")
    (whole.parent / "policy_net.py").write_text(code, encoding="utf-8")
    (whole.parent / "other.py").write_text(code.replace("Policy", "Other"), encoding="utf-8")
    (guess,) = refusal(whole).guesses
    assert guess["options"] == {"factory": "res://policy_net.py:Policy"} and "the file names it" in guess["reason"]
    assert converted(whole, False, **guess["options"], inputs="observation: float32[1,6]") == "observation"


def test_what_it_names_is_told_in_short(whole: Path) -> None:
    assert refusal(whole).cause.endswith("It names policy_net.Policy and 2 of torch's layers.")


def test_what_is_reached_through_a_layer_is_named() -> None:
    names = ["torch.nn.modules.linear.Linear", "torch.nn.modules.linear.math.exp", "builtins.set", "builtins.eval"]
    told = named(FileKind("module", 1, names))
    assert told == "torch.nn.modules.linear.math.exp, builtins.eval and 1 of torch's layers"


def test_with_permission_its_class_is_found_in_the_file_that_an_option_names(whole: Path) -> None:
    error = refusal(whole, allow_pickle=True)
    assert error.code == "PICKLE_CLASS_MISSING" and "policy_net.Policy" in error.cause
    assert [guess["options"] for guess in error.guesses][::2] == [GUESS, {"factory": "res://policy_net.py"}]
    # What was set after it was made is in the pickle alone.
    assert converted(whole, True, factory="res://policy_net.py", inputs="float32[1,6]") == "observation"


@pytest.mark.parametrize("folder", ["", "nets/"])
def test_a_class_of_a_script_or_of_a_package(folder: str, whole: Path) -> None:
    name = f"{folder.replace('/', '.')}policy_net" if folder else "__main__"
    with known_as(name, NET) as module:
        torch.save(module.Policy(), whole)
    if folder:
        (whole.parent / "nets").mkdir()
        (whole.parent / "policy_net.py").rename(whole.parent / "nets" / "policy_net.py")
    place = f"res://{folder}policy_net.py"
    assert refusal(whole, allow_pickle=True).guesses[-1]["options"] == {"factory": place}
    assert converted(whole, True, factory=place, inputs="float32[1,6]") == "observation"


def test_a_class_that_the_project_does_not_have(whole: Path) -> None:
    (whole.parent / "policy_net.py").unlink()
    assert refusal(whole).guesses == []
    refuse_early(whole, whole.parent, ImportOptions(inputs="float32[1,6]"), True)
    with pytest.raises(ImporterError) as caught:
        converted(whole, True, inputs="float32[1,6]")
    assert caught.value.code == "PICKLE_CLASS_MISSING" and "'factory'" in caught.value.remedy


def test_an_installed_class_is_not_looked_for_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "linear.py").write_text("class Linear: ...\n", encoding="utf-8")
    torch.save(torch.nn.Linear(6, 2), tmp_path / "x.pt")
    refuse_early(tmp_path / "x.pt", tmp_path, ImportOptions(inputs="float32[1,6]"), True)
