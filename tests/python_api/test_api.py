"""`import godot_executorch`: what an engineer's own script does with it."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import godot_executorch as ge
from importer.program.program import read_program
from tests import json_output

ROOT = Path(__file__).parents[2]
EXAMPLE = torch.full((1, 1, 8, 8), 0.5)


class Digits(torch.nn.Module):
    """Ten classes of small pictures, the labels being its own answers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(1, 4, 3)
        self.head = torch.nn.Linear(4 * 6 * 6, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.features(image)).flatten(1))


@pytest.fixture(scope="module")
def digits() -> tuple[Digits, torch.utils.data.DataLoader]:
    torch.manual_seed(0)
    model = Digits()
    images = torch.rand(48, 1, 8, 8)
    with torch.no_grad():
        labels = model(images).argmax(1)
    return model, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=16)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api_cache")


@pytest.fixture(scope="module")
def int8(digits: tuple[Digits, torch.utils.data.DataLoader], cache: Path) -> ge.Artifact:
    model, loader = digits
    return ge.convert(
        model, EXAMPLE, recipe="xnnpack_int8_static", calibration=loader, evaluate=loader, cache=cache, name="digits"
    )


def test_a_module_is_converted_calibrated_and_evaluated(int8: ge.Artifact, tmp_path: Path) -> None:
    metadata = int8.metadata
    assert metadata.recipe == "xnnpack_int8_static" and metadata.name == "digits" and not int8.cached
    assert metadata.as_dict["calibration"]["made_up"] is False
    assert metadata.accuracy is not None and 0 < (metadata.accuracy.max_relative or 0) < 0.2
    found = metadata.evaluation
    assert found is not None and found.metric == "top1" and found.samples == 48
    assert found.eager == found.exported == 1.0 and 0.8 < found.program <= 1.0
    assert found.interval[0] <= found.difference <= found.interval[1]
    assert metadata.methods[0].inputs[0].name == "image" and metadata.methods[0].delegated == 1.0
    saved = int8.save(tmp_path / "models" / "digits.pte")
    assert read_program(saved).size == metadata.size
    suffixes = (".pte", ".tres", ".metadata.json", ".measured.json")
    assert {path.name for path in saved.parent.iterdir()} == {f"digits{suffix}" for suffix in suffixes}
    assert json.loads(saved.with_suffix(".metadata.json").read_text())["evaluation"]["program"] == found.program
    assert '"evaluation"' in saved.with_suffix(".tres").read_text()


def test_what_is_printed_of_an_artifact_is_short(int8: ge.Artifact) -> None:
    assert len(repr(int8)) < 3000 and "worst_channel" in repr(int8)
    numbers = int8.metadata.numbers()
    found = int8.metadata.evaluation
    assert found is not None
    assert (numbers["evaluation.interval.0"], numbers["evaluation.interval.1"]) == found.interval


def test_errors_name_parameters(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save(Digits().state_dict(), tmp_path / "digits.pth")
    with pytest.raises(ge.ConversionError) as caught:
        ge.convert(tmp_path / "digits.pth")
    assert "the option" not in f"{caught.value}".lower() and "factory" in caught.value.remedy, caught.value
    with pytest.raises(ge.ConversionError) as caught:
        ge.convert(Digits(), torch.rand(1, 2, 8, 8))
    assert caught.value.code == "INPUTS_MISMATCH" and "option" not in f"{caught.value}", caught.value
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not told, "torch's own log has a traceback"


def test_the_second_time_comes_from_the_cache(
    digits: tuple[Digits, torch.utils.data.DataLoader], int8: ge.Artifact, cache: Path
) -> None:
    model, loader = digits
    again = ge.convert(
        model, EXAMPLE, recipe="xnnpack_int8_static", calibration=loader, evaluate=loader, cache=cache, name="digits"
    )
    assert again.cached and again.path == int8.path


def test_a_program_runs_by_name_and_position(
    digits: tuple[Digits, torch.utils.data.DataLoader], int8: ge.Artifact, tmp_path: Path
) -> None:
    program = ge.Program(int8.save(tmp_path / "digits.pte"))
    image = torch.rand(1, 1, 8, 8)
    with torch.no_grad():
        expected = digits[0](image)
    (found,) = program(image).values()
    assert torch.allclose(found, expected, atol=0.05)
    (by_name,) = program(image=image.numpy()).values()
    assert isinstance(by_name, np.ndarray) and np.array_equal(by_name, found.numpy())
    for words, wrong in (
        ("missing: image", lambda: program()),
        ("given twice: image", lambda: program(image, image=image)),
        ("unknown: picture", lambda: program(picture=image)),
        ("[2, 1, 8, 8]", lambda: program(torch.rand(2, 1, 8, 8))),
        ("not an array", lambda: program("a text")),
    ):
        with pytest.raises(ge.ConversionError, match="INPUTS_MISMATCH") as raised:
            wrong()
        assert words in raised.value.cause
    with pytest.raises(ge.ConversionError, match="METHOD_NOT_IN_PROGRAM"):
        program.run("backward", image)


def test_sizes_that_vary(cache: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).train()
    artifact = ge.convert(model, "float32[N:1..16,4]", cache=cache)
    assert model.training and model[0].training  # as it was
    program = ge.Program(artifact)
    assert program.inputs["forward"][0].ranges == ((1, 16), (4, 4))
    model.eval()
    for rows in (1, 7, 16):
        x = torch.rand(rows, 4)
        (found,) = program(x).values()
        assert torch.allclose(found, model(x), atol=1e-5)


def test_a_number_is_an_input_without_axes(cache: Path) -> None:
    """It became an array of one value, which was refused. A lambda's name is not one of a file."""
    artifact = ge.convert(lambda: torch.nn.ReLU(), torch.tensor(2.0), cache=cache)
    assert artifact.metadata.name == "relu"
    program = ge.Program(artifact)
    for given in (3.0, np.float32(3), np.array(3.0), torch.tensor(3.0)):
        (found,) = program(given).values()
        assert found.shape == () and float(found) == 3


def test_wrong_arguments_say_what_is_wanted(tmp_path: Path) -> None:
    linear = torch.nn.Linear(2, 2)
    for code, words, wrong in (
        ("INPUTS_NEEDED", "example_inputs", lambda: ge.convert(linear)),
        ("OPTION_INVALID", "got int", lambda: ge.convert(3)),  # type: ignore[arg-type]
        ("OPTION_INVALID", "inputs are a text", lambda: ge.convert(tmp_path / "x.pt", torch.rand(1))),
        ("FILE_NOT_READABLE", "nothing.pt", lambda: ge.convert(tmp_path / "nothing.pt")),
        ("INPUTS_MISMATCH", "does not accept", lambda: ge.convert(linear, torch.rand(1, 3))),
        ("FORWARD_MISSING", "ModuleList has no", lambda: ge.convert(torch.nn.ModuleList([linear]), torch.rand(1, 3))),
        ("FACTORY_FAILED", "returned int", lambda: ge.convert(lambda: 3)),  # type: ignore[arg-type, return-value]
        ("FACTORY_FAILED", "Linear() failed: TypeError", lambda: ge.convert(torch.nn.Linear, torch.rand(1, 2))),
        ("OPTION_INVALID", "no metric", lambda: ge.convert(linear, torch.rand(1, 2), evaluate=[], metric="bleu")),
        ("FILE_NOT_READABLE", "nothing.pte", lambda: ge.Program(tmp_path / "nothing.pte")),
    ):
        with pytest.raises(ge.ConversionError) as raised:
            wrong()
        assert raised.value.code == code and words in str(raised.value), str(raised.value)


def test_the_command(int8: ge.Artifact, digits: tuple[Digits, torch.utils.data.DataLoader], tmp_path: Path) -> None:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "godot_executorch"]
        return subprocess.run([*command, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=200)

    assert run("--version").stdout.strip() == f"godot-executorch {ge.__version__}"
    assert run("nonsense").returncode == 2
    good = int8.save(tmp_path / "good.pte")
    bad = ge.convert(Digits(), torch.rand(1, 1, 8, 8), cache=tmp_path / "cache", name="bad").save(tmp_path / "bad.pte")
    batches = list(digits[1])
    data = tmp_path / "test.npz"
    np.savez(
        data,
        image=np.concatenate([images.numpy() for images, _ in batches]),
        target=np.concatenate([labels.numpy() for _, labels in batches]),
    )
    done = run("compare", good, bad, "--inputs", data, "--fail-if", "top1 drop > 20%", "--json")
    assert done.returncode == 3, done.stderr
    found = json_output.read(done.stdout, "compare")
    assert found["evaluation"]["metric"] == "top1" and found["evaluation"]["values"][0] > 0.8
    assert re.match(r"top1 drop > 20%: it is [2-9]\d", found["broken"][0])
    shown = run("compare", good, good, "--inputs", data, "--fail-if", "top1 drop > 0%, larger > 0%")
    assert shown.returncode == 0 and "no difference" in shown.stdout, shown.stdout + shown.stderr
    assert run("compare", good, bad, "--fail-if", "nonsense > 3").returncode == 2
    assert run("compare", good, bad, "--fail-if", "top5 drop > 3%").returncode == 2


@pytest.mark.slow
def test_the_wheel_is_complete(tmp_path: Path) -> None:
    """`pip install .` in an environment that has the requirements."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, ROOT], check=True, timeout=300)
    (wheel,) = tmp_path.glob("godot_executorch-*.whl")
    target = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True, timeout=300)
    names = zipfile.ZipFile(wheel).namelist()
    assert "godot_executorch/py.typed" in names and not any(name.startswith(("tests", "tasks")) for name in names)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import torch, godot_executorch as ge; "
        "print(ge.__file__); a = ge.convert(torch.nn.Linear(2, 2), torch.rand(1, 2), cache=sys.argv[2]); "
        "print(a.metadata.recipe); from python_backend import environment; "
        "assert environment.required_versions()['torch'].startswith('==2'), environment.required_versions(); "
        "assert 'cluster' not in str(environment.required_versions())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, target, tmp_path / "cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert str(target) in done.stdout and "xnnpack_fp32" in done.stdout, done.stderr
