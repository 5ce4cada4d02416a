"""Which array of a person's data is which input: by name in every command, never by chance."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import godot_executorch as ge
from importer.errors import ImporterError
from importer.inputs.binding import Unfit, in_order
from importer.signature import Dimension, TensorSpec
from python_backend.profiling import recording
from tests import json_output
from tests.importer.test_command_line import importer
from tests.python_backend.test_profile import profile


class Difference(nn.Module):
    def forward(self, minuend: torch.Tensor, subtrahend: torch.Tensor) -> torch.Tensor:
        return minuend - 2 * subtrahend


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("by_name")
    found = ge.convert(
        Difference(), (torch.zeros(1, 3), torch.ones(1, 3)), variants=["portable"], name="net", cache=folder / "cache"
    )
    shutil.copytree(found.path.parent, folder / "entry")
    return found.save(folder / "net.pte")


def data(place: Path, *names: str, count: int = 8) -> Path:
    """Arrays in the order of `names`: the minuend is 3, the subtrahend 1, and the right answer 1."""
    values = {"minuend": 3.0, "subtrahend": 1.0, "input_0": 3.0, "input_1": 1.0, "arr_0": 3.0, "arr_1": 1.0}
    arrays = {name: np.full((count, 3), values.get(name, 0.0), np.float32) for name in names}
    np.savez(place, allow_pickle=False, **arrays, target=np.ones((count, 3), np.float32))
    return place


def evaluated(*words: object, status: int = 0) -> float:
    done = importer("evaluate", *words, "--metric", "mae", "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return float(json_output.read(done.stdout, "evaluate")["programs"][0]["value"])


def test_names_decide_and_not_their_order(program: Path, tmp_path: Path) -> None:
    turned = data(tmp_path / "turned.npz", "subtrahend", "minuend")
    variant, cached = program.with_suffix(".portable.pte"), program.parent / "entry" / "model.pte"
    for place in (program, variant, cached, cached.with_name("model.portable.pte")):
        assert evaluated(place, "--inputs", turned) == 0.0, place
    both = importer("compare", program, variant, "--inputs", turned, "--metric", "mae", "--json")
    assert json_output.read(both.stdout, "compare")["evaluation"]["values"] == [0.0, 0.0], both.stderr
    assert evaluated(program, "--inputs", data(tmp_path / "places.npz", "input_1", "input_0")) == 0.0
    assert evaluated(program, "--inputs", data(tmp_path / "nameless.npz", "arr_1", "arr_0")) == 0.0
    inspected = json_output.read(importer("inspect", program, "--json").stdout, "inspect")
    assert [item["name"] for item in inspected["methods"][0]["inputs"]] == ["minuend", "subtrahend"]
    (found,) = ge.Program(program)(subtrahend=np.ones((1, 3)), minuend=np.full((1, 3), 3.0)).values()
    assert (found == 1).all()


@pytest.mark.parametrize("names", [("a", "b"), ("minuend", "input_1")])
def test_names_that_fit_no_or_some_inputs_are_refused(program: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    wrong = data(tmp_path / "wrong.npz", *names)
    for words in (["evaluate", program], ["compare", program, program]):
        done = importer(*words, "--inputs", wrong, "--json")
        error = json_output.read(done.stdout, "error")["error"]
        assert done.returncode == 4 and error["code"] == "EVALUATION_INVALID", done.stdout
        assert "the inputs are minuend, subtrahend" in error["cause"]
        assert f"wrong.npz does not fit {program.name}" in error["cause"], error["cause"]
    (tmp_path / "calls").mkdir()
    np.savez(tmp_path / "calls" / "0.npz", **{name: np.zeros((1, 3), np.float32) for name in names})
    done = profile(program, "--runs", "2", "--inputs", tmp_path / "calls")
    assert done.returncode == 4 and "the inputs are minuend, subtrahend" in done.stderr
    example = (torch.zeros(1, 3), torch.zeros(1, 3))
    items = [({name: np.zeros((2, 3), np.float32) for name in names}, np.zeros((2, 3), np.float32))]
    with pytest.raises(ge.ConversionError, match="the inputs are minuend, subtrahend") as caught:
        ge.convert(Difference(), example, evaluate=items, metric="mae", cache=tmp_path / "cache")
    assert caught.value.code == "EVALUATION_INVALID" and "Sample 0 of batch 0" in caught.value.cause


def test_a_program_whose_names_are_not_known(program: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.pte"
    shutil.copy(program, alone)
    assert evaluated(alone, "--inputs", data(tmp_path / "places.npz", "input_1", "input_0")) == 0.0
    done = importer("evaluate", alone, "--inputs", data(tmp_path / "named.npz", "subtrahend", "minuend"), "--json")
    assert "the inputs are input_0, input_1" in json_output.read(done.stdout, "error")["error"]["cause"]
    # The metadata of another program says nothing of this one.
    beside = json.loads(program.with_suffix(".metadata.json").read_text(encoding="utf-8"))
    beside["payload"]["sha256"], beside["variants"] = "0" * 64, []
    alone.with_suffix(".metadata.json").write_text(json.dumps(beside), encoding="utf-8")
    done = importer("evaluate", alone, "--inputs", tmp_path / "named.npz", "--json")
    assert "the inputs are input_0, input_1" in json_output.read(done.stdout, "error")["error"]["cause"]


@pytest.mark.slow
def test_metadata_that_contradicts_the_program_is_not_used(program: Path, tmp_path: Path) -> None:
    shutil.copy(program, tmp_path / "net.pte")
    good = json.loads(program.with_suffix(".metadata.json").read_text(encoding="utf-8"))
    for side, name, value in (
        ("inputs", "dtype", "int64"),
        ("inputs", "ranges", [[1, 9], [3, 3]]),
        ("inputs", "name", "subtrahend"),
        ("inputs", "name", ""),
        ("inputs", "ranges", 3),
    ):
        bad = json.loads(json.dumps(good))
        bad["methods"][0][side][0][name] = value
        (tmp_path / "net.metadata.json").write_text(json.dumps(bad), encoding="utf-8")
        done = json_output.read(importer("inspect", tmp_path / "net.pte", "--json").stdout, "inspect")
        assert [item["name"] for item in done["methods"][0]["inputs"]] == ["input_0", "input_1"], (name, value)


@pytest.mark.slow
def test_programs_with_their_inputs_in_another_order_are_not_compared(program: Path, tmp_path: Path) -> None:
    class Turned(nn.Module):
        def forward(self, subtrahend: torch.Tensor, minuend: torch.Tensor) -> torch.Tensor:
            return minuend - 2 * subtrahend

    example = (torch.zeros(1, 3), torch.ones(1, 3))
    other = ge.convert(Turned(), example, cache=tmp_path / "cache").save(tmp_path / "turned.pte")
    done = importer("compare", program, other, "--json")
    error = json_output.read(done.stdout, "error")["error"]
    assert error["code"] == "PROGRAMS_DIFFER" and "minuend, subtrahend; subtrahend, minuend" in error["cause"]
    file = data(tmp_path / "test.npz", "subtrahend", "minuend")
    both = json_output.read(importer("evaluate", program, other, "--inputs", file, "--json").stdout, "evaluate")
    assert [row["value"] for row in both["programs"]] == [0.0, 0.0]


def test_inputs_that_are_called_as_places_are() -> None:
    """As Keras calls them: `input_1` is the first one."""
    assert in_order(["input_0", "input_1"], ["input_1", "input_2"]) == ["input_0", "input_1"]
    assert in_order(["input_2", "input_1"], ["input_1", "input_2"]) == ["input_1", "input_2"]
    assert in_order(["arr_0", "arr_1", "labels"], ["input_1", "input_0"]) == ["arr_0", "arr_1"]
    assert in_order(["picture"], ["input_0"], ["picture"]) == ["picture"]
    for arrays, inputs, only_one in (
        (["picture"], ["image"], ["picture"]),
        (["picture", "mask"], ["input_0"], ["picture", "mask"]),
        (["input_1"], ["x", "input_1"], []),
        ([], ["x"], []),
    ):
        with pytest.raises(Unfit, match="the inputs are"):
            in_order(arrays, inputs, only_one)


def test_one_file_with_a_leading_axis_of_calls(tmp_path: Path) -> None:
    specs = [TensorSpec("input_0", "float32", (Dimension(1, 1), Dimension(2, 2))).metadata()]
    specs.append(TensorSpec("input_1", "int64", (Dimension(3, 3),)).metadata())
    np.savez(tmp_path / "a.npz", input_0=np.ones((5, 1, 2)), input_1=np.ones((5, 3), np.int64), target=np.zeros(5))
    calls = recording.read(tmp_path / "a.npz", specs)
    assert len(calls) == 5 and [list(value.shape) for value in calls[0]] == [[1, 2], [3]]
    np.savez(tmp_path / "a.npz", input_0=np.ones((5, 1, 2)), input_1=np.ones((4, 3), np.int64))
    with pytest.raises(ImporterError, match="INPUTS_INVALID"):
        recording.read(tmp_path / "a.npz", specs)
