"""Values inside of a graph as further outputs of the program: named, proved, and refused by their nearest names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.fx.passes.utils.source_matcher_utils import get_source_partitions

import godot_executorch as ge
from importer.errors import ImporterError
from importer.exporting.also_outputs import add_outputs
from importer.exporting.export import output_specs
from importer.model import Method
from tests.importer.conftest import Convert

CONVNET = ["output_0", "relu", "conv2d_1"]


@pytest.mark.parametrize("recipe", ["auto", pytest.param("xnnpack_int8_static", marks=pytest.mark.slow)])
def test_the_program_returns_them_after_its_own_outputs(recipe: str, convert_file: Convert, models: Path) -> None:
    meta = convert_file(models / "convnet.pt2", recipe=recipe, also_outputs="relu, conv2d_1,relu").metadata
    (method,) = meta["methods"]
    assert [output["name"] for output in method["outputs"]] == CONVNET
    assert [output["shape"] for output in method["outputs"]] == [[1, 10], [1, 16, 32, 32], [1, 32, 16, 16]]
    assert meta["accuracy"]["max_relative"] <= meta["accuracy"]["tolerance"]["relative"]
    assert any("relu, conv2d_1 were compared with those of the exported graph" in note for note in meta["notes"])


def test_the_values_are_those_of_the_layers(tmp_path: Path) -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Linear(4, 3), torch.nn.Linear(3, 2)
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls.add_(1.0)
            hidden = self.first(x)
            before = hidden * 2.0
            return self.second(before.add_(1.0)) + self.calls

    net = Net().eval()
    artifact = ge.convert(
        net, "x: float32[N:1..8,4]", options={"also_outputs": "mul, linear"}, name="net", cache=tmp_path / "cache"
    )
    program = ge.Program(artifact)
    for rows in (1, 5):
        x = torch.randn(rows, 4)
        answer = program(x.numpy())
        with torch.no_grad():
            hidden = net.first(x)
        assert list(answer)[1:] == ["mul", "linear"]
        np.testing.assert_allclose(answer["linear"], hidden, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(answer["mul"], hidden * 2, rtol=1e-5, atol=1e-6, err_msg="before it is written to")
    ranges = artifact.metadata.methods[0].outputs[1].ranges
    assert ranges == ((1, 8), (3, 3))


@pytest.mark.parametrize(
    ("names", "cause", "remedy"),
    [
        ("rellu", "no value 'rellu'; it has 8", "nearest names are relu, relu_1"),
        ("relu, input", "no value 'input'", "nearest names are"),
        ("linear", "returns the value 'linear' of 'forward' already", "Leave it out"),
        ("encode.relu", "no method 'encode'", "The methods are forward"),
    ],
)
def test_names_that_the_graph_does_not_have(
    names: str, cause: str, remedy: str, convert_file: Convert, models: Path
) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_file(models / "convnet.pt2", also_outputs=names)
    assert caught.value.code == "VALUE_NOT_IN_GRAPH" and caught.value.stage == "export"
    assert cause in caught.value.cause and remedy in caught.value.remedy


@pytest.mark.slow
def test_a_variant_has_them_too(convert_file: Convert, models: Path) -> None:
    meta = convert_file(models / "convnet.pt2", also_outputs="relu,conv2d_1", variants="portable").metadata
    assert [output["name"] for output in meta["variants"][0]["methods"][0]["outputs"]] == CONVNET


FACTORY = """import torch

def build():
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())

def methods(model):
    return {"forward": (model, (torch.ones(1, 4),)), "encode": (model[0], (torch.ones(1, 4),))}
"""


def test_a_value_of_another_method(convert_file: Convert, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FACTORY, encoding="utf-8")
    torch.save(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).state_dict(), tmp_path / "net.pth")
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "net.pth", project=tmp_path, factory="res://net.py", also_outputs="encode.linear")
    assert "returns the value 'linear' of 'encode' already" in caught.value.cause
    meta = convert_file(tmp_path / "net.pth", project=tmp_path, factory="res://net.py", also_outputs="linear").metadata
    named = {method["name"]: [output["name"] for output in method["outputs"]] for method in meta["methods"]}
    assert named == {"forward": ["output_0", "linear"], "encode": ["output_0"]}


@pytest.mark.parametrize("strict", [True, False])
def test_a_quantizer_does_not_take_a_copy_for_its_layer(strict: bool) -> None:
    network = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.ReLU()).eval()
    example = (torch.zeros(1, 3, 8, 8),)
    program = torch.export.export(network, example, strict=strict)
    method = Method("forward", program, network, example, [], output_specs(program, ["output_0"]))
    add_outputs([method], ["adaptive_avg_pool2d"])
    found = get_source_partitions(program.graph, [torch.nn.AdaptiveAvgPool2d, torch.nn.functional.adaptive_avg_pool2d])
    outputs = [node.name for parts in found.values() for part in parts for node in part.output_nodes]
    assert outputs == ["adaptive_avg_pool2d"]
