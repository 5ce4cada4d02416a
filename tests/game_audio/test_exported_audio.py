"""The nodes that hear and speak answer in an exported release game as they do in the project."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tasks import godot as godot_task
from tests import godot_projects
from tests.godot_projects import Run
from tests.model_sources import artifact_cache

CARDS: dict[str, dict[str, Any]] = {
    "loudness.pt2": {
        "kind": "speech_detection",
        "input": {"sample_rate": 8000, "context": 32, "state": "state"},
        "output": {"state": "state"},
    },
    "sounds.pt2": {
        "kind": "audio_classification",
        "input": {"hop": 400},
        "output": {"name": "classes", "labels": ["clap", "whistle", "other"]},
    },
    "speakers.pt2": {"kind": "speaker_embedding", "output": {"name": "voice"}},
    "tones.pt2": {
        "kind": "pitch_detection",
        "input": {"hop": 512},
        "output": {"name": "hertz", "confidence": "confidence", "silence": 0.001},
    },
    "voice.pte": {
        "kind": "speech_synthesis",
        "input": {
            "ids": "input_0", "speed": "input_1", "frames": "input_2", "length": "length",
            "symbols": {"a": 1, "b": 2, "c": 3, " ": 4, ".": 5},
        },
        "output": {"sample_rate": 24000},
    },
}  # fmt: skip
SCRIPT = """extends Node


func _ready() -> void:
	var samples: PackedFloat32Array = FileAccess.get_file_as_bytes("%s").to_float32_array()
	var ear: ExecuTorchSpeechDetector = ExecuTorchSpeechDetector.new()
	var classifier: ExecuTorchAudioClassifier = ExecuTorchAudioClassifier.new()
	var speakers: ExecuTorchSpeakerEmbedder = ExecuTorchSpeakerEmbedder.new()
	var tuner: ExecuTorchPitchDetector = ExecuTorchPitchDetector.new()
	var voice: ExecuTorchSpeechSynthesizer = ExecuTorchSpeechSynthesizer.new()
	ear.model = load("res://models/loudness.pt2")
	classifier.model = load("res://models/sounds.pt2")
	speakers.model = load("res://models/speakers.pt2")
	tuner.model = load("res://models/tones.pt2")
	voice.model = load("res://models/voice.pte")
	voice.lexicon = load("res://words.json")
	for node: Node in [ear, classifier, speakers, tuner, voice]:
		add_child(node)
	var speeches: Array = []
	for speech: ExecuTorchSpeech in await ear.detect_async(samples, 48000):
		speeches.append([speech.start, speech.end])
	var classes: ExecuTorchClassification = await classifier.classify_async(samples, 48000)
	var vector: PackedFloat32Array = await speakers.embed_async(samples, 48000)
	var pitches: Array = []
	for pitch: ExecuTorchPitch in await tuner.detect_async(samples, 48000):
		pitches.append([pitch.at, pitch.hertz, pitch.confidence])
	var sound: AudioStreamWAV = await voice.synthesize_async("ace cab.")
	print("@@ ", JSON.stringify({
		"speeches": speeches,
		"classes": [classes.label, Array(classes.probabilities)],
		"vector": Array(vector),
		"pitches": pitches,
		"sound": [sound.mix_rate, Marshalls.raw_to_base64(sound.data)],
	}))
	get_tree().quit()
"""


def test_an_exported_game_hears_and_speaks_the_same(tmp_path: Path, godot: Path, models: Path) -> None:
    project = godot_projects.make(tmp_path / "project", godot, artifact_cache())
    (project.path / "models").mkdir()
    for name, card in CARDS.items():
        shutil.copy(models / ("sounds.pt2" if name == "speakers.pt2" else name), project.path / "models" / name)
        place = project.path / "models" / f"{Path(name).stem}.task.json"
        place.write_text(json.dumps(card), encoding="utf-8")
    (project.path / "words.json").write_text(json.dumps({"ace": "ac", "cab": "cab"}), encoding="utf-8")
    time = np.arange(2 * 48_000) / 48_000
    sound = np.where((time > 0.4) & (time < 1.4), 0.5, 0.001) * np.sin(2 * np.pi * 400 * time)
    (tmp_path / "sound.f32").write_bytes(sound.astype("<f4").tobytes())
    script = SCRIPT % (tmp_path / "sound.f32")
    run = project.import_all()
    assert run.status == 0 and run.errors == [], run.output
    (found,) = project.answers_of(script, timeout=300)
    assert found["pitches"] and found["sound"][1] and len(found["vector"]) > 1 and len(found["speeches"]) == 1

    project.add_scene("answers", script, is_main=True)
    program = tmp_path / "game.x86_64"
    exported = project.export(program)
    assert exported.status == 0, exported.output
    output, status = godot_task.run_to_end([program, "--headless"], timeout=120, env=project.environment)
    assert status == 0 and Run(output, status).answers == [found], output
