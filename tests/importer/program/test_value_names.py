"""The names of values in the exported graph that a program's instructions compute."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.program.graph import graph
from tests.importer.conftest import Convert

LAYERS = ["conv2d", "relu", "conv2d_1", "relu_1", "linear"]


@pytest.mark.parametrize("recipe", ["auto", "portable", pytest.param("xnnpack_int8_static", marks=pytest.mark.slow)])
def test_they_are_those_that_also_outputs_takes(recipe: str, convert_file: Convert, models: Path) -> None:
    (method,) = convert_file(models / "convnet.pt2", recipe=recipe).metadata["methods"]
    found = method["value_names"]
    names = list(dict.fromkeys(name for computed in found["instructions"].values() for name in computed))
    assert {name for name in names if name in LAYERS} == set(LAYERS), names
    assert found["outputs"] == {"linear": 0}
    assert set(found["handles"].values()) == set(names)
    inside = [name for name in names if name not in found["outputs"]]
    more = convert_file(models / "convnet.pt2", recipe=recipe, also_outputs=",".join(inside)).metadata["methods"][0]
    assert [output["name"] for output in more["outputs"]] == ["output_0", *inside]


def test_an_operator_inside_of_a_delegate_has_its_handle(convert_file: Convert, models: Path) -> None:
    artifact = convert_file(models / "convnet.pt2")
    names = artifact.metadata["methods"][0]["value_names"]
    (method,) = graph(artifact.payload)["methods"]
    inside = [node for step in method["nodes"] for node in step.get("inner", ())]
    named = [(node["operator"], names["handles"].get(str(node["handle"]))) for node in inside]
    assert ("conv2d", "conv2d") in named and ("conv2d", "conv2d_1") in named and ("fully_connected", "linear") in named
    assert [step["instruction"] for step in method["nodes"]] == sorted(int(number) for number in names["instructions"])


def test_a_finished_program_has_none(convert_file: Convert, models: Path) -> None:
    for method in convert_file(models / "two_methods.pte").metadata["methods"]:
        assert "value_names" not in method
