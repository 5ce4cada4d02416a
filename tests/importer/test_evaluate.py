"""`evaluate`: a metric of programs on labelled data; and a factory that brings its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from importer.cache.entry import Artifact
from importer.cli import conditions
from importer.cli.compare import names_apart
from importer.errors import ImporterError
from importer.inputs import labelled
from importer.signature import parse_inputs
from tests import json_output
from tests.importer.test_command_line import importer

Convert = Callable[..., Artifact]
FACTORY = """
import torch
from torch import nn

def build():
    return nn.Linear(4, 3)

def example_inputs():
    return torch.zeros(1, 4)

def evaluation():
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        inputs = torch.randn(8, 4, generator=generator)
        yield inputs, inputs[:, :3].argmax(1)
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A program that names the largest of the first three inputs, one that names the smallest, and held-out data."""
    folder = tmp_path_factory.mktemp("evaluated")
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((64, 4), dtype=np.float32)
    np.savez(folder / "test.npz", input=inputs, target=inputs[:, :3].argmax(1))
    for name, sign in (("good", 1.0), ("bad", -1.0)):
        layer = nn.Linear(4, 3)
        layer.weight.data, layer.bias.data = sign * torch.eye(3, 4), torch.zeros(3)
        (folder / name).mkdir()
        torch.export.save(torch.export.export(layer.eval(), (torch.zeros(1, 4),)), folder / name / "net.pt2")
        words = ["convert", folder / name / "net.pt2", "-o", folder / name, "--cache", folder / "cache"]
        done = importer(*words, "--quiet")
        assert done.returncode == 0, done.stderr
    return folder / "good" / "net.pte", folder / "bad" / "net.pte", folder / "test.npz"


@pytest.mark.slow
def test_programs_are_evaluated(programs: tuple[Path, Path, Path]) -> None:
    good, bad, data = programs
    done = importer("evaluate", good, bad, "--inputs", data, "--fail-if", "top1 < 90%, size > 1 MB", "--json")
    assert done.returncode == 3, done.stderr
    found = json_output.read(done.stdout, "evaluate")
    assert (found["metric"], found["samples"], found["more_is_better"]) == ("top1", 64, True)
    first, second = found["programs"]
    assert (first["name"], first["value"], first["interval"]) == ("good/net.pte", 1.0, [1.0, 1.0])
    assert second["name"] == "bad/net.pte" and second["value"] < 0.2
    assert second["interval"][0] <= second["value"] <= second["interval"][1]
    assert found["broken"] == [f"bad/net.pte: top1 < 90%: it is {second['value'] * 100:.4g}%"]
    shown = importer("evaluate", good, "--inputs", data)
    assert shown.returncode == 0 and "net.pte" in shown.stdout and "64 samples" in shown.stdout
    silent = importer("evaluate", good, bad, "--inputs", data, "--fail-if", "top1 < 0.9", "--quiet")
    assert silent.returncode == 3 and not silent.stdout and silent.stderr.startswith("bad/net.pte: top1 < 0.9")


@pytest.mark.slow
def test_a_metric_of_a_file(programs: tuple[Path, Path, Path], tmp_path: Path) -> None:
    good, bad, data = programs
    code = "def score(outputs, target):\n    return float((outputs[0].argmax() == target).sum())\n"
    (tmp_path / "own.py").write_text(code, encoding="utf-8")
    words = ["--inputs", data, "--metric", f"{tmp_path / 'own.py'}:score"]
    alone = importer("evaluate", bad, *words, "--fail-if", "metric < 0.5", "--quiet")
    both = importer("compare", good, bad, *words, "--fail-if", "metric drop > 10%", "--quiet")
    for done, text in ((alone, "metric < 0.5: it is "), (both, "metric drop > 10%: it is ")):
        assert done.returncode == 3 and text in done.stderr and not done.stdout, done.stderr


def test_a_factory_brings_its_evaluation(convert_file: Convert, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FACTORY, encoding="utf-8")
    torch.save({"weight": torch.eye(3, 4), "bias": torch.zeros(3)}, tmp_path / "net.pth")
    found = convert_file(tmp_path / "net.pth", project=tmp_path, factory="res://net.py").metadata["evaluation"]
    assert (found["metric"], found["samples"], found["eager"], found["program"]) == ("top1", 32, 1.0, 1.0)
    (tmp_path / "net.py").write_text(
        FACTORY + "\ndef evaluation():\n    return [torch.zeros(1, 4)]\n", encoding="utf-8"
    )
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "net.pth", project=tmp_path, factory="res://net.py")
    assert caught.value.code == "DATA_INVALID" and "(inputs, target)" in caught.value.cause


def test_names_that_tell_programs_apart() -> None:
    assert names_apart(Path("/a/build/net.pte"), Path("/a/fresh/net.pte")) == ("build/net.pte", "fresh/net.pte")
    assert names_apart(Path("/a/net.pte"), Path("/a/other.pte")) == ("net.pte", "other.pte")
    assert names_apart(Path("/a/net.pte"), Path("/a/net.pte")) == ("net.pte", "net.pte")


@pytest.mark.parametrize("text", ["top1 drop > 1%", "slower > 3", "top1 <", "size > 3%", "bleu < 1"])
def test_what_is_no_condition_of_an_evaluation(text: str) -> None:
    with pytest.raises(ImporterError) as caught:
        conditions.parse(text, conditions.OF_EVALUATION)
    assert caught.value.code == "CONDITION_INVALID" and "top1, top5" in caught.value.remedy


def test_a_picture_is_named_with_its_class(tmp_path: Path) -> None:
    """Each class may have a picture of the same name."""
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_text("no picture", encoding="utf-8")
    Image.new("L", (8, 8)).save(tmp_path / "cat" / "1.png")
    with pytest.raises(ImporterError) as raised:
        labelled.read(tmp_path, parse_inputs("x: float32[1,1,8,8]"), parse_inputs("y: float32[1,2]"))
    assert raised.value.cause.startswith("dog/1.png cannot be used")
