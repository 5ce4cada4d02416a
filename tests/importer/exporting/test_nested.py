"""Inputs and results in dictionaries and tuples: their tensors are inputs and outputs by their own names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from importer.exporting.export import export
from importer.inputs.examples import from_specs
from importer.inputs.samples import with_tensors
from importer.model import Method, Source, SourceMethod
from importer.signature import parse_inputs
from tests.importer.conftest import Convert

FACTORY = """
import torch
from torch import nn

class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12 + 8, 4)
    def forward(self, obs):
        action = self.head(torch.cat([obs["camera"].flatten(1), obs["numbers"]], 1))
        return {"action": action, "more": (None, {"value": action.sum(1)})}

def build():
    return Policy()
"""
EXAMPLE = "\n\ndef example_inputs():\n    return ({'camera': torch.rand(2, 3, 2, 2), 'numbers': torch.rand(2, 8)},)\n"
FIXED = "numbers: float32[1,8]; camera: float32[1,3,2,2]"
VARIES = "camera: float32[agents:1..8,3,2,2]; numbers: float32[agents,8]"


def names(artifact: Any) -> tuple[list[str], list[str]]:
    (method,) = artifact.metadata["methods"]
    return sorted(item["name"] for item in method["inputs"]), [item["name"] for item in method["outputs"]]


@pytest.mark.parametrize("example", ["", EXAMPLE])
@pytest.mark.parametrize("inputs", [FIXED, VARIES])
def test_a_dictionary_is_declared_by_its_keys(example: str, inputs: str, tmp_path: Path, convert_file: Convert) -> None:
    (tmp_path / "net.py").write_text(FACTORY + example, encoding="utf-8")
    torch.save(nn.ModuleDict({"head": nn.Linear(20, 4)}).state_dict(), tmp_path / "x.pth")
    artifact = convert_file(tmp_path / "x.pth", project=tmp_path, factory="res://net.py:build", inputs=inputs)
    assert names(artifact) == (["camera", "numbers"], ["action", "value"])


def test_the_request_for_inputs_names_the_keys(tmp_path: Path, convert_file: Convert) -> None:
    (tmp_path / "net.py").write_text(FACTORY, encoding="utf-8")
    torch.save(nn.ModuleDict({"head": nn.Linear(20, 4)}).state_dict(), tmp_path / "x.pth")
    for factory in ("build", "Policy"):
        with pytest.raises(ImporterError) as caught:
            convert_file(tmp_path / "x.pth", project=tmp_path, factory=f"res://net.py:{factory}")
        assert caught.value.code == "INPUTS_NEEDED" and not caught.value.guesses
        assert "takes camera, numbers" in caught.value.cause and "; numbers: float32[" in caught.value.remedy


class Pair(nn.Module):
    def forward(self, both: tuple[torch.Tensor, dict[str, torch.Tensor]]) -> tuple[torch.Tensor | None, torch.Tensor]:
        return None, both[0] + both[1]["offset"]


def test_a_program_of_nested_inputs_and_a_result_of_none(tmp_path: Path, convert_file: Convert) -> None:
    example = ((torch.ones(3), {"offset": torch.ones(3)}),)
    torch.export.save(torch.export.export(Pair(), example), tmp_path / "x.pt2")
    inputs, outputs = names(convert_file(tmp_path / "x.pt2"))
    assert "offset" in inputs and len(inputs) == 2 and outputs == ["output_1"]


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.goal = nn.Linear(8, 4), nn.Linear(3, 4)

    def forward(self, obs: dict[str, torch.Tensor], state: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return (self.body(obs["body"]) + self.goal(obs["goal"]) + state) * scale


class Tuple(nn.Module):
    def forward(self, both: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        left, right = both
        return left + right.sum()


def exported(module: nn.Module, inputs: str) -> Method:
    call = from_specs(module.eval(), parse_inputs(inputs))
    method = SourceMethod("forward", module, None, call.example, call.declared, input_names=call.names)
    return export(Source([method]))[0]


def test_a_dictionary_beside_a_tensor() -> None:
    method = exported(Mixed(), "state: float32[n:1..8,4]; goal: float32[n,3]; body: float32[n,8]")
    expected = ["body: float32[n:1..8,8]", "goal: float32[n:1..8,3]", "state: float32[n:1..8,4]"]
    assert sorted(map(str, method.inputs)) == expected


def test_a_tuple_of_tensors_without_names() -> None:
    method = exported(Tuple(), "float32[1,8]; float32[1,3]")
    assert [spec.shape for spec in method.inputs] == [[1, 8], [1, 3]]


class Observation(NamedTuple):
    camera: torch.Tensor
    goal: torch.Tensor


@dataclass
class Seen:
    camera: torch.Tensor
    goal: torch.Tensor


class Sums(nn.Module):
    """forward is one of the functions below; the second tensor counts twice, so that their order shows."""

    def sum(self, camera: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        return camera.sum(1) + 2 * goal.sum(1)


class InTuple(Sums):
    def forward(self, both: Any) -> torch.Tensor:
        camera, goal = both
        return self.sum(camera, goal)


class InList(Sums):
    def forward(self, both: list[torch.Tensor]) -> torch.Tensor:
        camera, goal = both.copy()
        return self.sum(camera, goal)


class StateInTuple(Sums):
    def forward(self, state: Any, x: torch.Tensor) -> torch.Tensor:
        camera, goal = state
        return self.sum(camera, goal) + x.sum(1)


class OptionalState(Sums):
    def forward(self, x: torch.Tensor, state: Any = None) -> torch.Tensor:
        return x.sum(1) if state is None else self.sum(*state) + x.sum(1)


class InNamedTuple(Sums):
    def forward(self, seen: Observation) -> torch.Tensor:
        return self.sum(seen.camera, seen.goal)


class InDataClass(Sums):
    def forward(self, seen: Seen) -> torch.Tensor:
        return self.sum(seen.camera, seen.goal)


class Keywords(Sums):
    def forward(self, **seen: torch.Tensor) -> torch.Tensor:
        return self.sum(seen["camera"], seen["goal"])


class KeywordOnly(Sums):
    def forward(self, camera: torch.Tensor, *, goal: torch.Tensor) -> torch.Tensor:
        return self.sum(camera, goal)


class AnyNumber(Sums):
    def forward(self, *both: torch.Tensor) -> torch.Tensor:
        return self.sum(*both)


class Deep(Sums):
    def forward(self, seen: Any) -> torch.Tensor:
        return self.sum(seen["sensors"]["left"]["camera"], seen["goal"])


class TwoDictionaries(Sums):
    def forward(self, seen: Any, wanted: Any) -> torch.Tensor:
        return self.sum(seen["camera"], wanted["goal"])


class ListInDictionary(Sums):
    def forward(self, seen: Any) -> torch.Tensor:
        camera, goal = seen["both"]
        return self.sum(camera, goal) + seen["x"].sum(1)


class TwoLists(Sums):
    def forward(self, first: Any, second: Any) -> torch.Tensor:
        return self.sum(first[0], first[1]) + 3 * second[0].sum(1) + 4 * second[1].sum(1)


class KeyOfItsName(Sums):
    def forward(self, goal: Any) -> torch.Tensor:
        return self.sum(goal["camera"], goal["goal"])


TWO = "camera: float32[n:1..4,3]; goal: float32[n,5]"
THREE = "x: float32[n:1..4,2]; camera: float32[n,3]; goal: float32[n,5]"


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        *[(kind, TWO) for kind in (InTuple, InList, InNamedTuple, InDataClass, KeywordOnly)],
        *[(kind, TWO) for kind in (Deep, TwoDictionaries, KeyOfItsName, AnyNumber)],
        (StateInTuple, THREE),
        (OptionalState, THREE),
    ],
)
@pytest.mark.parametrize("varies", [True, False])
def test_declared_tensors_find_their_places(kind: type[nn.Module], inputs: str, varies: bool) -> None:
    method = exported(kind(), inputs if varies else inputs.replace("n:1..4", "1").replace("n,", "1,"))
    values = {spec.name: torch.rand(2 if varies else 1, *spec.shape[1:]) for spec in method.inputs}
    assert set(values) == {spec.name for spec in parse_inputs(inputs)}
    arguments = with_tensors(method.example, list(values.values()))
    expected = values["camera"].sum(1) + 2 * values["goal"].sum(1)
    if "x" in values:
        expected = expected + values["x"].sum(1)
    torch.testing.assert_close(method.program.module()(*arguments[0], **arguments[1]), expected)


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        (ListInDictionary, {"x": 1, "both_1": 2, "both_0": 1}),
        (TwoLists, {"second_1": 4, "first_0": 1, "second_0": 3, "first_1": 2}),
    ],
)
def test_the_items_of_a_list_have_its_name_and_a_number(kind: type[nn.Module], weights: dict[str, int]) -> None:
    method = exported(kind(), "; ".join(f"{name}: float32[n:1..4,3]" for name in weights))
    values = {spec.name: torch.rand(2, 3) for spec in method.inputs}
    assert values.keys() == weights.keys()
    arguments = with_tensors(method.example, list(values.values()))
    expected = sum(weight * values[name].sum(1) for name, weight in weights.items())
    torch.testing.assert_close(method.program.module()(*arguments[0], **arguments[1]), expected)


def test_keywords_of_any_name_have_fixed_sizes() -> None:
    method = exported(Keywords(), "goal: float32[1,5]; camera: float32[1,3]")
    assert sorted(map(str, method.inputs)) == ["camera: float32[1,3]", "goal: float32[1,5]"]
    with pytest.raises(ImporterError) as caught:
        exported(Keywords(), TWO)
    assert caught.value.code == "DYNAMIC_SHAPE_REFUSED" and "**keywords" in caught.value.cause


def test_the_rest_of_unnamed_tensors_is_a_tuple() -> None:
    method = exported(OptionalState(), "float32[1,2]; float32[1,3]; float32[1,5]")
    assert [spec.shape for spec in method.inputs] == [[1, 2], [1, 3], [1, 5]]


def test_names_of_nothing_are_refused() -> None:
    with pytest.raises(ImporterError) as caught:
        exported(nn.Linear(3, 2), "camera: float32[1,3]")
    assert caught.value.code == "INPUTS_MISMATCH" and "the model's inputs are input" in caught.value.cause


class ListInDictionaries(nn.Module):
    def forward(self, seen: Any) -> torch.Tensor:
        others: torch.Tensor = seen["all"]["others"][0]
        return seen["me"] + others


def test_a_list_inside_of_dictionaries() -> None:
    method = exported(ListInDictionaries(), "me: float32[1,3]; others_0: float32[1,3]")
    assert {spec.name for spec in method.inputs} == {"me", "others_0"}


def test_a_key_that_the_inputs_lack_is_named() -> None:
    with pytest.raises(ImporterError) as caught:
        exported(ListInDictionaries(), "me: float32[1,3]; rest: float32[1,3]")
    assert caught.value.code == "INPUTS_MISMATCH" and "[1, 3], [1, 3]: it reads the key 'all'" in caught.value.cause
    assert "example_inputs()" in caught.value.remedy


def test_results_that_are_no_tensors_are_left_out(convert_zoo: Convert) -> None:
    artifact = convert_zoo("text", inputs="float32[2]")
    assert names(artifact)[1] == ["output_0"]
    assert any("no tensors: output_1" in note for note in artifact.metadata["notes"]), artifact.metadata["notes"]


RESULTS = """
import torch
from typing import NamedTuple
from torch import nn

class Out(NamedTuple):
    mean: torch.Tensor
    best: object

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(20, 4)

    def forward(self, x):
        y = self.head(x)
        return Out(y, y.topk(2)) if KIND == "named" else y.topk(2)
"""


@pytest.mark.parametrize(("kind", "expected"), [("named", 3), ("topk", 2)])
def test_results_in_named_tuples(kind: str, expected: int, tmp_path: Path, convert_file: Convert) -> None:
    (tmp_path / "net.py").write_text(f"KIND = {kind!r}\n{RESULTS}", encoding="utf-8")
    torch.save(nn.ModuleDict({"head": nn.Linear(20, 4)}).state_dict(), tmp_path / "x.pth")
    artifact = convert_file(tmp_path / "x.pth", project=tmp_path, factory="res://net.py:Net", inputs="x: float32[1,20]")
    (method,) = artifact.metadata["methods"]
    assert len(method["outputs"]) == expected
    if kind == "named":
        assert [item["name"] for item in method["outputs"]] == ["mean", "best_0", "best_1"]
