"""State dicts of quantized models are called that: a factory's model with plain weights cannot take them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.ao import quantization
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, Int8WeightOnlyConfig, quantize_

from importer.errors import ImporterError
from tests.importer.conftest import Convert

FACTORY = (
    "import torch\n\n\ndef build():\n    return torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Linear(32, 4))\n"
)


def plain() -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Linear(32, 4))


def torchao(config: object) -> torch.nn.Module:
    model = plain()
    quantize_(model, config)
    return model


def dynamic() -> torch.nn.Module:
    return quantization.quantize_dynamic(plain(), {torch.nn.Linear})


def prepared() -> torch.nn.Module:
    """With other names than the factory's, as after fusing."""
    model = torch.nn.Sequential(quantization.QuantStub(), plain()).train()
    model.qconfig = quantization.get_default_qat_qconfig("x86")
    return quantization.prepare_qat(model)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: torchao(Int8WeightOnlyConfig()), "Int8Tensor of torchao"),
        (lambda: torchao(Int8DynamicActivationInt8WeightConfig()), "Int8Tensor of torchao"),
        (dynamic, "torch.qint8"),
    ],
)
def test_quantized_weights_are_named(
    make: Callable[[], torch.nn.Module], words: str, tmp_path: Path, convert_file: Convert
) -> None:
    (tmp_path / "net.py").write_text(FACTORY, encoding="utf-8")
    torch.save(make().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "weights.pth", project=tmp_path, factory="res://net.py:build", inputs="float32[1,64]")
    assert caught.value.code == "STATE_DICT_MISMATCH"
    assert words in caught.value.cause and "torch.export.save" in caught.value.remedy


def test_weights_that_training_watches_are_plain(tmp_path: Path, convert_file: Convert) -> None:
    """The weights are there as floats; a note says that what watched them was left out."""
    (tmp_path / "net.py").write_text(FACTORY, encoding="utf-8")
    torch.save(prepared().state_dict(), tmp_path / "weights.pth")
    made = convert_file(
        tmp_path / "weights.pth", project=tmp_path, factory="res://net.py:build", inputs="float32[1,64]"
    )
    assert any("Left out weights" in note and "weight_fake_quant" in note for note in made.metadata["notes"])
