"""Graphs whose results are as long as their inputs' values say: a method computes the length, an input takes it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import godot_executorch as ge
from importer.errors import ImporterError
from importer.sources.onnx import speech
from importer.sources.onnx.file.model_file import ValueType
from tests.importer.conftest import Convert
from tests.importer.onnx.graphs import FLOAT, INT64, model, node, write

DECLARED = "symbols: int64[1,steps:2..8]; frames: uint8[frames:2..40]"


def lengthened() -> onnx.ModelProto:
    """Each symbol n lasts n + 1 frames, of which each has the symbol's row of a table."""
    table = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    constants = {"table": table, "one": np.array(1), "zero": np.array(0), "first": np.array([0]), "last": np.array([1])}
    nodes = [
        node("Squeeze", ["symbols", "first"], ["ids"]),
        node("Add", ["ids", "one"], ["durations"]),
        node("CumSum", ["durations", "zero"], ["ends"]),
        node("ReduceSum", ["durations"], ["count"], keepdims=0),
        node("Range", ["zero", "count", "one"], ["places"]),
        node("Unsqueeze", ["places", "last"], ["rows"]),
        node("Unsqueeze", ["ends", "first"], ["columns"]),
        node("GreaterOrEqual", ["rows", "columns"], ["passed"]),
        node("Cast", ["passed"], ["numbers"], to=INT64),
        node("ReduceSum", ["numbers", "last"], ["which"], keepdims=0),
        node("Gather", ["ids", "which"], ["symbol"]),
        node("Gather", ["table", "symbol"], ["frames_of_table"]),
    ]
    inputs, outputs = [("symbols", INT64, [1, "steps"])], [("frames_of_table", FLOAT, ["times", 3])]
    return model(nodes, inputs, outputs, constants)


def test_the_request_for_the_range_has_guesses(tmp_path: Path, convert_file: Convert) -> None:
    path = write(lengthened(), tmp_path / "net.onnx")
    with pytest.raises(ImporterError) as caught:
        convert_file(path, inputs="symbols: int64[1,4]")
    assert caught.value.code == "INPUTS_NEEDED" and "Range" in caught.value.cause
    texts = [guess["options"]["inputs"] for guess in caught.value.guesses]
    assert texts == [
        "symbols: int64[1,steps:2..256]; frames: uint8[frames:2..1024]",
        "symbols: int64[1,4]; frames: uint8[frames:2..1024]",
    ]
    assert convert_file(path, inputs=texts[1]).metadata["accuracy"]["max_relative"] < 1e-6


def test_frames_are_as_onnxruntime_says(tmp_path: Path, convert_file: Convert) -> None:
    path = write(lengthened(), tmp_path / "net.onnx")
    made = convert_file(path, inputs=DECLARED)
    assert [method["name"] for method in made.metadata["methods"]] == ["forward", "length"]
    assert any("'length'" in note for note in made.metadata["notes"]), made.metadata["notes"]
    program = ge.Program(made.payload)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(1)
    for steps in (2, 3, 8):
        symbols = generator.integers(0, 5, (1, steps))
        (expected,) = session.run(None, {"symbols": symbols})
        length = int(program.run("length", symbols)["length"])
        assert length == len(expected)
        frames = program(symbols, np.zeros(length, np.uint8))["frames_of_table"]
        assert np.array_equal(frames, expected)
        longer = program(symbols, np.ones(length + 3, np.uint8))["frames_of_table"]
        assert np.array_equal(longer, np.concatenate([expected, expected[-1:].repeat(3, 0)]))


def test_an_input_that_the_file_does_not_have_is_refused(tmp_path: Path, convert_file: Convert) -> None:
    path = write(lengthened(), tmp_path / "net.onnx")
    with pytest.raises(ImporterError) as caught:
        convert_file(path, inputs="symbols: int64[1,4]; places: uint8[frames:2..40]")
    assert caught.value.code == "INPUTS_MISMATCH"


def test_the_sound_of_a_spectrum_is_as_its_formula_says() -> None:
    torch.manual_seed(0)
    count = 12
    lh, theta, ln, lr, phi = torch.randn(5, 601, count).double()
    waveform = speech.Waveform()
    noise = torch.complex(*(part.t().double() for part in waveform._random(count)))
    train = torch.cos(torch.outer(torch.arange(1, 38), 2 * math.pi * 296.0 * torch.arange(1, 300 * count + 1) / 24_000))
    window = torch.hann_window(1_200, dtype=torch.float64)
    spectrum = torch.stft(
        train.sum(0).double() / 300, 1_200, 300, window=window, center=True, pad_mode="reflect", return_complex=True
    )[:, :count]
    spectrum = spectrum * torch.exp(lh + 1j * math.pi * torch.tanh(theta))
    spectrum = spectrum + torch.exp(ln) * noise + torch.exp(lr + 1j * phi)
    expected = torch.istft(spectrum, 1_200, 300, window=window, length=300 * count)
    f0 = torch.full((1, count), 296.0)
    made = waveform(*(part.float()[None] for part in (lh, theta, ln, lr, phi)), f0)[0]
    assert float((made - expected).abs().max() / expected.abs().max()) < 1e-3
    silent = speech.pulses(torch.full((count,), 20.0), waveform.get_buffer("places"))
    assert not silent.any()


def test_the_parts_of_a_spectrum_are_recognised() -> None:
    def outputs(bins: int, *names: str) -> list[ValueType]:
        return [ValueType(name, 1, (1, bins, "F") if name != "f0" else (1, "F")) for name in names]

    assert speech.is_spectrum(outputs(601, *speech.PARTS))
    assert not speech.is_spectrum(outputs(513, *speech.PARTS))
    assert not speech.is_spectrum(outputs(601, "lh", "f0"))
