"""ExecuTorchSpeechSynthesizer speaks as a voice's own package does: the same length, and the same sound over time."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import godot_projects
from tests.godot_projects import GodotProject
from tests.model_sources import artifact_cache
from tests.networks.published import unpacked

VOICE = "hibari-tts==0.2.1"
TEXT = "Open the gate, please. Who are you?"
INPUTS = 'inputs="ids: int64[1,steps:3..48]; speed: float32[1]; frames: uint8[frames:2..200]"'
SPEAK = """extends Node


func _ready() -> void:
	var voice: ExecuTorchSpeechSynthesizer = ExecuTorchSpeechSynthesizer.new()
	voice.model = load("res://models/hibari.onnx")
	voice.lexicon = load("res://models/words.json")
	add_child(voice)
	print("@@ ", JSON.stringify(voice.get_phonemes("%s")))
	var sound: AudioStreamWAV = await voice.synthesize_async("%s")
	var file: FileAccess = FileAccess.open("res://spoken.s16", FileAccess.WRITE)
	file.store_buffer(sound.data)
	file.close()
	get_tree().quit()
"""
Samples = NDArray[np.float32]


@pytest.mark.slow
def test_a_voice_speaks_as_its_own_package_does(tmp_path: Path, godot: Path) -> None:
    sys.path.insert(0, str(unpacked(VOICE)))
    try:
        from hibari import Hibari  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    project = godot_projects.make(tmp_path / "project", godot, artifact_cache())
    voice = Hibari()
    phonemes = voice.phonemize(TEXT)
    _import(project, _lexicon(phonemes), phonemes)
    found = project.answers_of(SPEAK % (TEXT, TEXT), timeout=300)
    assert found[0] == " ".join(phonemes), found[0]

    spoken = np.fromfile(project.path / "spoken.s16", "<i2").astype(np.float32) / 32767.0
    expected, again = (np.concatenate([voice.from_phonemes(part, seed=seed) for part in phonemes]) for seed in (0, 1))
    assert len(spoken) == len(expected)
    difference, noise = _difference(spoken, expected), _difference(again, expected)
    print(f"log spectrum: {difference:.3f} from the package's, which differs by {noise:.3f} from itself (its noise)")
    # One of silence, for the scale.
    assert difference < 0.1 < 0.5 < _difference(np.zeros_like(expected), expected)


def _import(project: GodotProject, words: dict[str, str], phonemes: list[str]) -> None:
    assets = unpacked(VOICE) / "hibari" / "assets"
    models = project.path / "models"
    models.mkdir(exist_ok=True)
    shutil.copyfile(assets / "hibari.onnx", models / "hibari.onnx")
    text = f'[remap]\n\nimporter="executorch.model"\n\n[params]\n\n{INPUTS}\n'
    (models / "hibari.onnx.import").write_text(text, encoding="utf-8")
    (models / "words.json").write_text(json.dumps(words), encoding="utf-8")
    card = {
        "kind": "speech_synthesis",
        "input": {"speed": "speed", "symbols": json.loads((assets / "vocab.json").read_text(encoding="utf-8"))},
        "output": {"name": "waveform", "sound": "sound"},
    }
    (models / "hibari.task.json").write_text(json.dumps(card), encoding="utf-8")
    assert all(set(part) <= set(card["input"]["symbols"]) for part in phonemes)
    run = project.import_all(timeout=1800)
    assert run.status == 0 and run.errors == [], run.output


def _lexicon(phonemes: list[str]) -> dict[str, str]:
    """The words of the text, as the package pronounces them here: it changes words by those around them."""
    words = [word.strip(".,?").lower() for word in TEXT.split()]
    return dict(zip(words, [spoken.strip(".,?") for spoken in " ".join(phonemes).split()], strict=True))


def _difference(mine: Samples, theirs: Samples) -> float:
    """The mean difference of two log spectra of 60 bands, every 12.5 ms."""
    return float(np.abs(_bands(mine) - _bands(theirs)).mean())


def _bands(samples: Samples) -> NDArray[np.float64]:
    pieces = np.lib.stride_tricks.sliding_window_view(np.pad(samples, 600), 1_200)[::300] * np.hanning(1_200)
    sizes = np.abs(np.fft.rfft(pieces))[:, :600]
    return np.log(sizes.reshape(len(sizes), 60, 10).sum(-1) + 1e-3)
