"""What a factory's functions may give, and what is said of anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from importer.exporting.export import export
from importer.inputs.calibration import real_inputs
from importer.inputs.examples import as_arguments
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

    positional, keyword = as_arguments({"x": np.zeros((1, 8), np.float32)})
    assert positional == () and isinstance(keyword["x"], torch.Tensor)


@pytest.mark.parametrize(
    "calls", [[1, 2], [torch.zeros(1, 9)], [(torch.zeros(1, 8), torch.zeros(1, 8))], [torch.zeros(8)]]
)
def test_calibration_that_does_not_fit(calls: list[Any]) -> None:
    (method,) = export(Source([SourceMethod("forward", nn.Linear(8, 4).eval(), None, ((torch.zeros(1, 8),), {}))]))
    with pytest.raises(ImporterError) as caught:
        real_inputs(None, lambda: calls, method)
    assert caught.value.code == "CALIBRATION_INVALID" and "float32[1,8]" in caught.value.cause
