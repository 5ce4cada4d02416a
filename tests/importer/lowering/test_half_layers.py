"""Layers that compute in fp16 in an int8 program (the import option `float_layers`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import godot_executorch as ge


class Net(nn.Module):
    """A picture's convolution with batch normalization, then two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.middle = nn.Linear(16 * 64, 256)
        self.head = nn.Linear(256, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.middle(self.features(x).flatten(1))))


@pytest.fixture(scope="module")
def network() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(7)
    return Net().eval(), torch.rand(1, 3, 8, 8)


def converted(network: tuple[nn.Module, torch.Tensor], folder: Path, layers: list[str], recipe: str) -> ge.Artifact:
    module, example = network
    torch.manual_seed(8)
    calibration = [torch.rand(1, 3, 8, 8) for _ in range(12)]
    given: dict[str, Any] = {"calibration": calibration} if recipe == "xnnpack_int8_static" else {}
    return ge.convert(module, (example,), recipe=ge.Recipe(recipe, layers), cache=folder / "cache", **given)


@pytest.mark.parametrize("recipe", ["xnnpack_int8_static", "xnnpack_int8_dynamic"])
def test_a_layer_in_fp16(recipe: str, network: tuple[nn.Module, torch.Tensor], tmp_path: Path) -> None:
    module, _ = network
    sizes = {}
    for kind in ("int8", "fp16", "fp32"):
        layers = [] if kind == "int8" else [f"middle: {kind}", f"features.0: {kind}"]
        artifact = converted(network, tmp_path, layers, recipe)
        artifact.save(tmp_path / f"{kind}.pte")
        sizes[kind] = artifact.metadata.size
        picture = torch.rand(1, 3, 8, 8)
        with torch.no_grad():
            right = module(picture)
        (result,) = ge.Program(tmp_path / f"{kind}.pte")(picture).values()
        assert torch.allclose(torch.as_tensor(result), right, atol=0.05)
    assert sizes["int8"] < sizes["fp16"] < sizes["fp32"]
    weights = module.middle.weight.numel()
    assert sizes["fp16"] - sizes["int8"] == pytest.approx(weights, rel=0.1)
    assert sizes["fp32"] - sizes["fp16"] == pytest.approx(2 * weights, rel=0.1)


def test_a_layer_that_the_model_does_not_have(network: tuple[nn.Module, torch.Tensor], tmp_path: Path) -> None:
    with pytest.raises(ge.ConversionError) as caught:
        converted(network, tmp_path, ["midle: fp16"], "xnnpack_int8_dynamic")
    assert caught.value.code == "LAYER_UNKNOWN" and "middle" in caught.value.remedy
