"""Programs that were quantized before they came here: kept as they are, named so, and not quantized again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from tests.importer.conftest import Convert


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(16, 512), nn.ReLU(), nn.Linear(512, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


@pytest.fixture(scope="module", params=["static", "dynamic"])
def quantized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    example = (torch.randn(4, 16),)
    config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=request.param == "dynamic")
    with torch.no_grad():
        prepared = prepare_pt2e(
            torch.export.export(Net().eval(), example).module(), XNNPACKQuantizer().set_global(config)
        )
        for _ in range(8):
            prepared(torch.randn(4, 16))
        path = tmp_path_factory.mktemp("quantized") / f"{request.param}.pt2"
        torch.export.save(torch.export.export(convert_pt2e(prepared), example), path)
    return path


def test_its_quantization_is_kept(quantized: Path, convert_file: Convert) -> None:
    metadata = convert_file(quantized).metadata
    assert metadata["recipe"] == "as_quantized" and metadata["accuracy"]["tolerance"]["relative"] < 0.05
    assert metadata["payload"]["size"] < 25_000, "int8 weights stay int8"


@pytest.mark.parametrize("recipe", ["xnnpack_int8_static", "xnnpack_int8_dynamic", "xnnpack_fp16"])
def test_a_second_quantization_is_refused(recipe: str, quantized: Path, convert_file: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_file(quantized, recipe=recipe)
    assert caught.value.code == "ALREADY_QUANTIZED" and "auto" in caught.value.remedy
