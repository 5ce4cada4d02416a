"""Programs that torchao's `quantize_` quantized: their weights are made of several tensors, which are pickled."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from godot_executorch import Program
from importer.errors import ImporterError
from tests.importer.conftest import Convert


def configurations() -> dict[str, Any]:
    from torchao.quantization import (
        Int8DynamicActivationInt8WeightConfig,
        Int8DynamicActivationIntxWeightConfig,
        Int8WeightOnlyConfig,
        IntxWeightOnlyConfig,
        PerGroup,
    )

    int4 = {"weight_dtype": torch.int4}
    return {
        "int8_weights": Int8WeightOnlyConfig(),
        "int8": Int8DynamicActivationInt8WeightConfig(),
        "int4": Int8DynamicActivationIntxWeightConfig(**int4, weight_granularity=PerGroup(32)),
        "int4_weights": IntxWeightOnlyConfig(**int4, granularity=PerGroup(32)),
    }


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 8)).eval()


def save(path: Path, name: str, unwrap: bool = False) -> nn.Module:
    from torchao.quantization import quantize_
    from torchao.utils import unwrap_tensor_subclass

    model = network()
    quantize_(model, configurations()[name])
    plain = copy.deepcopy(model)
    if unwrap:
        unwrap_tensor_subclass(plain)
    torch.export.save(torch.export.export(plain, (torch.randn(3, 64),)), path)
    return model


@pytest.mark.parametrize("name", ["int8_weights", "int8", "int4", "int4_weights"])
def test_it_is_imported_as_it_is_quantized(name: str, tmp_path: Path, convert_file: Convert) -> None:
    model = save(tmp_path / "x.pt2", name)
    artifact = convert_file(tmp_path / "x.pt2", variants="portable" if name != "int4_weights" else "")
    metadata = artifact.metadata
    assert metadata["recipe"] == "as_quantized"
    assert metadata["accuracy"]["tolerance"]["relative"] == (0.001 if "weights" in name else pytest.approx(12 / 255))
    # The proof compares with the program of the copy; that this is the model says eager itself.
    x = torch.randn(3, 64)
    with torch.no_grad():
        expected = model(x)
    found = Program(artifact.entry / "model.pte")(x)
    (got,) = found.values()
    assert (got - expected).abs().max() < 0.03 * expected.abs().max()
    assert (expected - network()(x)).abs().max() > 0.001 * expected.abs().max(), "the quantization is kept"


def test_a_second_quantization_is_refused(tmp_path: Path, convert_file: Convert) -> None:
    save(tmp_path / "x.pt2", "int8_weights")
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "x.pt2", recipe="xnnpack_int8_dynamic")
    assert caught.value.code == "ALREADY_QUANTIZED"


def test_the_remedy_for_what_is_refused_works(tmp_path: Path, convert_file: Convert) -> None:
    """Weights of another library, and the form before torch 2.8, need it."""
    save(tmp_path / "x.pt2", "int8_weights", unwrap=True)
    assert convert_file(tmp_path / "x.pt2").metadata["recipe"] == "as_quantized"
