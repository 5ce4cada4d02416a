"""Programs whose weights are in another file, read by a process that cannot list folders."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import godot_executorch as ge
from tests import json_output

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["net.ptd", "net-large.ptd"])
def program(request: pytest.FixtureRequest, models: Path, tmp_path: Path) -> Path:
    shutil.copy(models / "external_weights.pte", tmp_path / "net.pte")
    shutil.copy(models / "external_weights.ptd", tmp_path / request.param)
    return tmp_path / "net.pte"


def test_a_conversion_keeps_them(program: Path, tmp_path: Path) -> None:
    ge.convert(program, cache=tmp_path / "cache").save(tmp_path / "made" / "net.pte")
    assert (tmp_path / "made" / "net.ptd").is_file()
    model = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
    options = {"external_weights": True}
    ge.convert(model, torch.rand(1, 8), options=options, cache=tmp_path / "cache").save(tmp_path / "made" / "own.pte")
    assert ge.Program(tmp_path / "made" / "own.pte")(torch.rand(1, 8))["output_0"].shape == (1, 2)


def test_they_are_found(program: Path) -> None:
    loaded = ge.Program(program)
    ((method, inputs),) = loaded.inputs.items()
    (found,) = loaded.run(method, *(torch.ones(item.shape) for item in inputs)).values()
    assert found.isfinite().all()
    weights = next(program.parent.glob("*.ptd"))
    together = program.stat().st_size + weights.stat().st_size
    compared = json_output.read(_printed("importer", "compare", program, program), "compare")
    assert [side["size"] for side in compared["programs"]] == [together, together]
    inspected = json_output.read(_printed("importer", "inspect", program), "inspect")
    assert inspected["payload"]["external"] == [{"file": weights.name, "size": weights.stat().st_size}]
    profiled = json_output.read(_printed("python_backend", "profile", program, "--runs", "20"), "profile")
    assert profiled["memory"]["file"] == together and profiled["memory"]["constants"] > weights.stat().st_size // 2
    weights.unlink()
    with pytest.raises(ge.ConversionError, match="EXTERNAL_WEIGHTS_MISSING"):
        ge.Program(program)


def _printed(*words: object) -> str:
    command = [sys.executable, "-m", *map(str, words), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
