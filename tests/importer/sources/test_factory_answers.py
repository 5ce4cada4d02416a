"""What a factory's functions may give, and what is said of anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from importer.exporting.export import export
from importer.inputs.arguments import as_arguments
from importer.inputs.calibration import real_inputs
from importer.model import Source, SourceMethod
from importer.options import ImportOptions
from importer.sources.file_kind import recognise
from importer.sources.load import load

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)
    def forward(self, x):
        return self.layer(x)

def build():
    return Net()

def example_inputs():
    return torch.zeros(1, 8)
"""


def loaded(more: str, folder: Path) -> Source:
    (folder / "net.py").write_text(NET + more, encoding="utf-8")
    torch.save(nn.ModuleDict({"layer": nn.Linear(8, 4)}).state_dict(), folder / "net.pth")
    options = ImportOptions(factory=str(folder / "net.py"))
    return load(folder / "net.pth", recognise(folder / "net.pth"), options, None, False, folder)


@pytest.mark.parametrize(
    "answer",
    ["m", "[m]", "{'forward': m}", "{}", "{1: (m, ())}", "{'': (m, ())}", "{'forward': (m.forward, ())}"],
)
def test_methods_that_are_none(answer: str, tmp_path: Path) -> None:
    with pytest.raises(ImporterError) as caught:
        loaded(f"def methods(m): return {answer}\n", tmp_path)
    assert caught.value.code == "FACTORY_FAILED" and "methods() returned" in caught.value.cause


@pytest.mark.parametrize("answer", ["[1]", "{'a': m}", "{'forward': 1}", "{'a': {'b': m}}", "{'a': None}", "{3: 1}"])
def test_constants_that_are_none(answer: str, tmp_path: Path) -> None:
    with pytest.raises(ImporterError) as caught:
        loaded(f"def constant_methods(m): return {answer}\n", tmp_path)
    assert caught.value.code == "FACTORY_FAILED" and "constant_methods() returned" in caught.value.cause


def test_constants(tmp_path: Path) -> None:
    given = "{'a': 1, 'b': 'x', 'c': torch.ones(2), 'd': [1, 2], 'e': True, 'f': {'g': 0.5}}"
    assert len(loaded(f"def constant_methods(m): return {given}\n", tmp_path).constant_methods) == 6


def test_arrays_of_numpy_are_examples() -> None:
    import numpy as np

    (value,), keyword = as_arguments({"input": np.zeros((1, 8), np.float32)}, nn.Linear(8, 4))
    assert keyword == {} and isinstance(value, torch.Tensor)


@pytest.mark.parametrize(
    "calls", [[1, 2], [torch.zeros(1, 9)], [(torch.zeros(1, 8), torch.zeros(1, 8))], [torch.zeros(8)]]
)
def test_calibration_that_does_not_fit(calls: list[Any]) -> None:
    (method,) = export(Source([SourceMethod("forward", nn.Linear(8, 4).eval(), None, ((torch.zeros(1, 8),), {}))]))
    with pytest.raises(ImporterError) as caught:
        real_inputs(None, lambda: calls, method)
    assert caught.value.code == "CALIBRATION_INVALID" and "float32[1,8]" in caught.value.cause


def refusal(factory: str, folder: Path, source: str = "net.pth", allow_pickle: bool = False) -> ImporterError:
    options = ImportOptions(factory=factory, inputs="x: float32[1,8]")
    with pytest.raises(ImporterError) as caught:
        load(folder / source, recognise(folder / source), options, folder, allow_pickle, folder)
    return caught.value


def test_a_name_that_the_file_does_not_have_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """Whatever the file is, and also when its pickle may run."""
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    layer = nn.Linear(8, 4)
    torch.save(nn.ModuleDict({"layer": layer}).state_dict(), tmp_path / "net.pth")
    torch.save(nn.ModuleDict({"layer": layer}), tmp_path / "pickled.pt")
    torch.jit.script(layer).save(str(tmp_path / "scripted.pt"))
    torch.export.save(torch.export.export(layer, (torch.zeros(1, 8),)), tmp_path / "exported.pt2")
    for source in ("net.pth", "pickled.pt", "scripted.pt", "exported.pt2"):
        error = refusal("res://net.py:Nte", tmp_path, source, allow_pickle=True)
        assert error.code == "FACTORY_FAILED" and "no 'Nte'; it has Net, build" in error.cause, source
        assert "res://net.py:Net." in error.remedy
        assert [guess["options"] for guess in error.guesses] == [{"factory": "res://net.py:Net"}]


def test_without_a_near_name_the_modules_of_the_file_are_offered(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET.replace("def build", "def make"), encoding="utf-8")
    torch.save(nn.ModuleDict({"layer": nn.Linear(8, 4)}).state_dict(), tmp_path / "net.pth")
    error = refusal("res://net.py:xyz", tmp_path)
    assert [guess["title"] for guess in error.guesses] == ["Use Net of net.py"]
    (tmp_path / "net.py").write_text("", encoding="utf-8")
    error = refusal("res://net.py", tmp_path)
    assert "nothing to call" in error.cause and error.guesses == []


def test_with_a_factory_an_allowed_pickle_gives_its_weights_only(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    torch.save(nn.ModuleDict({"layer": nn.Linear(8, 4)}), tmp_path / "pickled.pt")
    path = tmp_path / "pickled.pt"
    for factory, kind in (("net.py:Net", "Net"), ("net.py", "Net"), ("inputs.py", "ModuleDict")):
        (tmp_path / "inputs.py").write_text("import torch\ndef example_inputs(): return torch.zeros(1, 8)\n")
        options = ImportOptions(factory=f"res://{factory}", inputs="x: float32[1,8]")
        source = load(path, recognise(path), options, tmp_path, True, tmp_path)
        assert type(source.methods[0].module).__name__ == kind, factory


def test_a_package_that_is_missing(tmp_path: Path) -> None:
    torch.save(nn.ModuleDict({"layer": nn.Linear(8, 4)}).state_dict(), tmp_path / "net.pth")
    (tmp_path / "net.py").write_text(f"import gymnasium.spaces\n{NET}", encoding="utf-8")
    error = refusal("res://net.py:Net", tmp_path)
    assert error.code == "FACTORY_FAILED" and "needs the package gymnasium" in error.cause
    assert "Move the class Net into a file of its own" in error.remedy and "pip install gymnasium" in error.remedy
    (tmp_path / "parts").mkdir()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "net.py").write_text(f"from parts import thing\n{NET}", encoding="utf-8")
    error = refusal("res://code/net.py:Net", tmp_path)
    assert "pip install" not in error.remedy and f"parts is in {tmp_path}" in error.remedy


def test_what_is_to_be_corrected_is_what_failed(tmp_path: Path) -> None:
    torch.save(nn.ModuleDict({"layer": nn.Linear(8, 4)}).state_dict(), tmp_path / "net.pth")
    (tmp_path / "net.py").write_text(NET + "\nraise ValueError('no')\n", encoding="utf-8")
    assert "arguments" not in refusal("res://net.py:Net", tmp_path).remedy
    (tmp_path / "net.py").write_text(NET.replace("(self):", "(self, size):"), encoding="utf-8")
    assert "'factory_arguments'" in refusal("res://net.py:Net", tmp_path).remedy
    (tmp_path / "net.py").write_text(NET.replace("torch.zeros(1, 8)", "1 / 0"), encoding="utf-8")
    assert "Correct example_inputs()" in refusal("res://net.py:Net", tmp_path).remedy
