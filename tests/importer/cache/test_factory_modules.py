"""A factory's neighbours are read anew with each conversion, and nothing of them stays in the process."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest

from importer.cache.cache import Cache
from importer.cache.entry import Artifact
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.sources.factory import neighbours

NET = """
import torch
from scaling import SCALE

def build():
    import late
    class Net(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x) * SCALE + late.SHIFT
    return Net(1, 1)
"""


def converted(folder: Path, source: Path, scale: float, shift: float) -> float:
    """The program's result for an input of 0, in units of the layer's bias and of 1."""
    import torch
    from executorch.extension.pybindings import _C

    folder.mkdir(exist_ok=True)
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "scaling.py").write_text(f"SCALE = {scale}\n", encoding="utf-8")
    (folder / "late.py").write_text(f"SHIFT = {shift}\n", encoding="utf-8")
    options = ImportOptions(factory="res://net.py:build", inputs="float32[1,1]", recipe="portable")
    artifact: Artifact = convert(source, project=folder, cache=Cache(folder / ".cache"), options=options)
    method = _C._load_program(str(artifact.payload)).load_method("forward")
    return float(method.call([torch.zeros(1, 1)])[0])


def test_changed_neighbours_and_other_projects(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    source = models / "linear_state_dict.pth"
    bias = float(torch.load(source, weights_only=True)["bias"])
    theirs = types.ModuleType("scaling")  # the calling program has a module of this name
    theirs.SCALE = 1000.0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "scaling", theirs)
    path, modules = list(sys.path), set(sys.modules)
    assert converted(tmp_path / "one", source, 2.0, 0.5) == pytest.approx(bias * 2.0 + 0.5)
    assert converted(tmp_path / "one", source, 3.0, 0.25) == pytest.approx(bias * 3.0 + 0.25)
    assert converted(tmp_path / "two", source, 4.0, 0.75) == pytest.approx(bias * 4.0 + 0.75)
    assert sys.modules["scaling"] is theirs and sys.path == path
    assert not {"late", "net"} & (set(sys.modules) - modules)


def test_an_environment_in_the_projects_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's parts register their operators once in a process: the second conversion must find those of the first."""
    installed = tmp_path / ".venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "part_of_torch.py").touch()
    (tmp_path / "net.py").write_text("import beside\n", encoding="utf-8")
    (tmp_path / "beside.py").touch()
    (tmp_path / "made_up.py").touch()
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(installed))
    with neighbours(ImportOptions(factory="res://net.py:build"), tmp_path):
        for name in ("part_of_torch", "beside", "made_up"):
            importlib.import_module(name)
    assert sys.modules.pop("part_of_torch", None) and not {"beside", "made_up"} & set(sys.modules)
