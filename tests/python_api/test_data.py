"""What `calibration` and `evaluate` take, and how wrong data is told: by the person's own words, never silently."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import godot_executorch as ge
from importer.inputs.binding import Unfit
from importer.inputs.calibration import tensors_of
from importer.signature import Dimension, TensorSpec
from tests import json_output

ROOT = Path(__file__).parents[2]
X = torch.rand(24, 4, generator=torch.Generator().manual_seed(0))
Y = X[:, :3].argmax(1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def model() -> torch.nn.Linear:
    layer = torch.nn.Linear(4, 3)
    layer.weight.data, layer.bias.data = torch.eye(3, 4), torch.zeros(3)
    return layer


def test_arrays_are_one_batch(model: torch.nn.Linear, cache: Path) -> None:
    for calibration, evaluate in (
        (X, (X, Y)),
        ({"input": X.numpy()}, {"input": X.numpy(), "target": Y.numpy()}),
        ([X[:12], X[12:]], [({"input": X}, Y)]),
    ):
        found = ge.convert(
            model, X[:1], recipe="xnnpack_int8_static", calibration=calibration, evaluate=evaluate, cache=cache
        ).metadata
        given = found.as_dict["calibration"]
        assert not given["made_up"] and given["samples"] + given["held_out"] == 24
        assert found.evaluation is not None and found.evaluation.samples == 24 and found.evaluation.eager == 1.0


@pytest.mark.parametrize(
    ("option", "value", "code", "words"),
    [
        ("calibration", 5, "OPTION_INVALID", "`calibration` takes a folder, an array, or an iterable of batches"),
        ("evaluate", 5, "OPTION_INVALID", "`evaluate` takes a folder or .npz, a pair of arrays"),
        ("calibration", ["a"], "DATA_INVALID", "not an array of numbers"),
        ("evaluate", X, "DATA_INVALID", "not (inputs, target)"),
        ("deadline_seconds", 0, "OPTION_INVALID", "above 0; got 0"),
        ("deadline_seconds", float("nan"), "OPTION_INVALID", "above 0; got nan"),
        ("deadline_seconds", "x", "OPTION_INVALID", "above 0; got 'x'"),
    ],
)
def test_what_is_no_data_is_refused(
    model: torch.nn.Linear, cache: Path, option: str, value: Any, code: str, words: str
) -> None:
    with pytest.raises(ge.ConversionError) as raised:
        ge.convert(model, X[:1], cache=cache, **{option: value})
    assert raised.value.code == code and words in raised.value.cause, str(raised.value)


NAN = torch.full_like(X, float("nan"))


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ([(X, Y), (X[:, :3], Y)], "EVALUATION_INVALID", "Sample 0 of batch 1 cannot be used as evaluation data: the"),
        ([(torch.cat([X[:5], NAN[:1]]), Y[:6])], "EVALUATION_INVALID", "Sample 5 of batch 0 cannot be used"),
        ([(X, torch.where(torch.arange(24) == 7, 3, Y))], "METRIC_UNSUITABLE", "Sample 7 of batch 0: A target is 3"),
        ([(X, Y - 5)], "METRIC_UNSUITABLE", "but the model has the classes 0 to 2"),
        ([({"picture": X}, Y)], "EVALUATION_INVALID", "the inputs are input"),
        ([(X, Y, torch.arange(24))], "EVALUATION_INVALID", "2 values before the last, which is the target"),
    ],
)
def test_evaluation_data_that_would_give_wrong_numbers(
    model: torch.nn.Linear, cache: Path, data: Any, code: str, words: str
) -> None:
    with pytest.raises(ge.ConversionError) as raised:
        ge.convert(model, X[:1], evaluate=data, cache=cache)
    assert raised.value.code == code and words in raised.value.cause, str(raised.value)
    assert ".npz" not in str(raised.value)


def test_pictures_of_16_bits(cache: Path, tmp_path: Path) -> None:
    class Bright(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            mean = image.mean((1, 2, 3), keepdim=True).flatten(1)
            return torch.cat([0.5 - mean, mean - 0.5], 1)

    for name, grey in (("dark", 10000), ("light", 50000)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((8, 8), grey, np.uint16)).save(tmp_path / name / "picture.png")
    for channels in (1, 3):
        found = ge.convert(Bright(), torch.rand(1, channels, 8, 8), evaluate=tmp_path, cache=cache).metadata.evaluation
        assert found is not None and (found.metric, found.samples) == ("top1", 2), "a class for each folder"
        assert found.eager == found.program == 1.0


def test_a_fixed_batch_is_not_filled_with_one_sample(model: torch.nn.Linear, cache: Path) -> None:
    with pytest.raises(ge.ConversionError, match=r"Sample 0 of batch 0 .* a call takes at least 8") as raised:
        ge.convert(model, X[:8], evaluate=(X, Y), cache=cache)
    assert raised.value.code == "EVALUATION_INVALID"
    assert "importer.errors.ConversionError: EVALUATION_INVALID" in traceback.format_exception_only(raised.value)[0]
    whole = [(X.reshape(3, 1, 8, 4)[:, 0], Y.reshape(3, 8))]
    found = ge.convert(model, X[:8], evaluate=whole, cache=cache).metadata.evaluation
    assert found is not None and found.samples == 3 and found.eager == found.program == 1.0


def test_arrays_that_are_no_input_are_told(model: torch.nn.Linear, cache: Path) -> None:
    found = ge.convert(model, X[:1], evaluate={"input": X, "weight": Y, "target": Y}, cache=cache).metadata
    assert found.evaluation is not None and found.evaluation.eager == 1.0
    assert any(note.endswith("are no input and were not used: weight.") for note in found.notes), found.notes


def test_one_file_calibrates_and_evaluates(model: torch.nn.Linear, cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "test.npz"
    np.savez(file, input=X.numpy(), target=Y.numpy())
    found = ge.convert(
        model, X[:1], recipe="xnnpack_int8_static", calibration=file, evaluate=file, cache=cache
    ).metadata.as_dict
    assert found["calibration"]["samples"] + found["calibration"]["held_out"] == 24
    assert found["evaluation"]["samples"] == 24
    np.savez(file, input=X[:, :3].numpy())
    with pytest.raises(ge.ConversionError, match=r"test.npz of the calibration data .* float32\[1,4\]"):
        ge.convert(model, X[:1], recipe="xnnpack_int8_static", calibration=file, cache=cache)


@pytest.mark.slow
def test_data_that_a_factory_draws_is_the_same_every_time(tmp_path: Path) -> None:
    """Without a seed of its own, as most people write it."""
    (tmp_path / "net.py").write_text(
        "import random\nimport numpy as np\nimport torch\n\n\ndef build():\n    return torch.nn.Linear(4, 3)\n\n\n"
        "def example_inputs():\n    return (torch.zeros(1, 4),)\n\n\ndef evaluation():\n"
        "    return [(torch.rand(9, 4) + np.random.rand() + random.random(), torch.rand(9, 3))]\n",
        encoding="utf-8",
    )
    torch.save(torch.nn.Linear(4, 3).state_dict(), tmp_path / "net.pth")
    values = []
    for number in range(2):
        found = ge.convert(tmp_path / "net.pth", factory=f"{tmp_path / 'net.py'}:build", cache=tmp_path / f"{number}")
        values.append(found.metadata.evaluation)
    assert values[0] == values[1] is not None


def test_values_that_the_input_cannot_hold(cache: Path) -> None:
    table = torch.nn.Embedding(10, 3)
    with pytest.raises(ge.ConversionError, match="int64 cannot hold") as raised:
        ge.convert(table, "input: int64[1]", evaluate=[(np.full((4, 1), 2.5), np.zeros(4, np.int64))], cache=cache)
    assert raised.value.code == "EVALUATION_INVALID"
    for dtype, other in ((np.int8, "uint8"), (np.uint8, "int8")):
        negative = np.full((4, 1), 200, np.uint8).view(dtype)
        with pytest.raises(Unfit, match=f"{other} cannot hold"):
            tensors_of({"x": negative}, [TensorSpec("x", other, (Dimension(4, 4), Dimension(1, 1)))])
    good = ge.convert(table, "input: int64[1]", evaluate=[(np.full((4, 1), 2.0), np.zeros((4, 1, 3)))], cache=cache)
    assert good.metadata.evaluation is not None


def test_single_values_that_are_not_numbers_are_told(cache: Path) -> None:
    class Filled(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.where(x.isnan(), torch.zeros_like(x), x)

    some = X.clone()
    some[3, 2] = float("nan")
    found = ge.convert(Filled(), X[:1], evaluate=(some, X), metric="mae", cache=cache).metadata
    assert any("1 of 24 samples of the evaluation data have NaN" in note for note in found.notes), found.notes


def test_a_program_says_how_a_dictionary_is_given(model: torch.nn.Linear, cache: Path) -> None:
    artifact = ge.convert(model, X[:1], cache=cache, deadline_seconds=99.5)
    program = ge.Program(artifact)
    with pytest.raises(ge.ConversionError, match=r"program\(\*\*inputs\)"):
        program({"input": X[:1]})
    assert program(input=X[:1])["output_0"].shape == (1, 3)
    with pytest.raises(ge.ConversionError, match="above 0"):
        ge.Program(artifact, deadline_seconds=0)


def test_wrong_usage_is_json_too(tmp_path: Path) -> None:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "godot_executorch"]
        return subprocess.run([*command, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=100)

    missing = tmp_path / "missing"
    for words in (
        ["nope"],
        ["convert", "--nope"],
        ["doctor", "--nope"],
        ["profile"],
        ["inspect", missing],
        ["profile", missing],
        ["evaluate", missing, "--inputs", missing],
        ["compare", missing, missing],
        ["sweep", missing],
        ["convert", "--config", missing],
    ):
        done = run(*words, "--json")
        assert done.returncode == 2, (words, done.returncode, done.stdout)
        assert json_output.read(done.stdout, "error")["error"]["remedy"], words
    done = run("convert", missing, "-o", tmp_path, "--json")
    (found,) = json_output.read(done.stdout, "convert")["files"]
    assert done.returncode == 2 and found["error"]["code"] == "FILE_NOT_READABLE"
    assert json.loads(run("nope", "--json").stdout)["error"]["cause"] == "There is no command 'nope'."
