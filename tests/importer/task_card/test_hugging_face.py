"""Hugging Face's files beside a model, and a factory's dictionary, become a task card; they are part of the key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from importer.cache.cache_key import dependencies
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.task_card.hugging_face import LARGEST, card_of, files_beside
from importer.task_card.schema import Unusable
from tests.importer.conftest import Convert

# As transformers writes them for a vision transformer.
CONFIG = {"architectures": ["ViTForImageClassification"], "id2label": {"0": "cat", "2": "bird", "1": "dog"}}
PREPARATION = {
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 192},
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.2, 0.25],
    "size": {"shortest_edge": 256},
}
FACTORY = """import torch

task = %s


def build():
    return torch.nn.Linear(4, 2)


def example_inputs():
    return (torch.zeros(1, 4),)
"""


def write(folder: Path, prefix: str = "", **files: Any) -> Path:
    """A model with files beside it: `config`, `preprocessor_config` and `labels`."""
    for name, content in files.items():
        suffix = "txt" if name == "labels" else "json"
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{prefix}{name}.{suffix}").write_text(text, encoding="utf-8")
    return folder / "model.safetensors"


def test_a_classifier_of_pictures(tmp_path: Path) -> None:
    card = card_of(write(tmp_path, config=CONFIG, preprocessor_config=PREPARATION))
    assert card is not None and card["kind"] == "image_classification"
    assert card["output"]["labels"] == ["cat", "dog", "bird"] and card["output"]["activation"] == "softmax"
    taken = card["input"]
    assert (taken["size"], taken["resize"]) == ([192, 224], "cover")
    assert (taken["mean"], taken["deviation"]) == ([0.5, 0.4, 0.3], [0.2, 0.2, 0.25])


@pytest.mark.parametrize(
    ("size", "wanted"), [(224, [224, 224]), ({"shortest_edge": 64}, [64, 64]), ({"longest_edge": 9}, []), (None, [])]
)
def test_sizes(size: Any, wanted: list[int], tmp_path: Path) -> None:
    plain = {"size": size, "do_normalize": False, "image_mean": [0.5]}
    card = card_of(write(tmp_path, config=CONFIG, preprocessor_config=plain))
    assert card is not None and card["input"]["size"] == wanted
    assert card["input"]["resize"] == "stretch" and card["input"]["mean"] == []


def test_other_tasks(tmp_path: Path) -> None:
    segmenter = {**CONFIG, "architectures": ["SegformerForSemanticSegmentation"]}
    card = card_of(write(tmp_path, config=segmenter))
    assert card is not None and card["kind"] == "image_segmentation"
    hearing = {**CONFIG, "architectures": ["ASTForAudioClassification"]}
    card = card_of(write(tmp_path, config=hearing, preprocessor_config={"sampling_rate": 22050, "do_normalize": True}))
    assert card is not None and card["kind"] == "audio_classification"
    assert (card["input"]["sample_rate"], card["input"]["scale"]) == (22050, "window")
    assert card_of(write(tmp_path, config={"architectures": ["LlamaForCausalLM"]})) is None


def test_labels_take_precedence_and_are_enough(tmp_path: Path) -> None:
    source = write(tmp_path, labels="red\n green \n\nblue\n")
    card = card_of(source)
    assert card is not None and card["output"]["labels"] == ["red", "green", "blue"]
    card = card_of(write(tmp_path, config=CONFIG))
    assert card is not None and card["output"]["labels"] == ["red", "green", "blue"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"config": "{"}, "config.json is not JSON"),
        ({"config": "[]"}, "config.json is not an object"),
        ({"config": "[" * 100_000}, "config.json is not JSON"),
        ({"config": " " * (LARGEST + 1)}, "at most 4 MB"),
        ({"config": {**CONFIG, "id2label": {"0": "a", "2": "b"}}}, "'id2label' does not have"),
        ({"config": {**CONFIG, "id2label": {"0": 7}}}, "output.labels"),
        ({"config": {"architectures": CONFIG["architectures"]}}, "there are no labels"),
        ({"config": CONFIG, "preprocessor_config": {"image_mean": "much"}}, "input.mean"),
        ({"config": CONFIG, "preprocessor_config": {"size": -3}}, "input.size"),
    ],
)
def test_what_cannot_be_used(files: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=reason):
        card_of(write(tmp_path, **files))


def test_whose_files_they_are(tmp_path: Path) -> None:
    write(tmp_path, config=CONFIG)
    write(tmp_path, "net.", labels="a\nb")
    for own in ("model.onnx", "pytorch_model.pt", "model-00001-of-00002.safetensors"):
        assert files_beside(tmp_path / own) == {"config.json": tmp_path / "config.json"}
    assert files_beside(tmp_path / "net.onnx") == {"labels.txt": tmp_path / "net.labels.txt"}
    assert files_beside(tmp_path / "other.pt") == {}
    assert files_beside(tmp_path / ("n" * 255)) == {}
    assert dependencies(tmp_path / "net.onnx", ImportOptions(), None) == {
        "beside/labels.txt": tmp_path / "net.labels.txt"
    }
    (tmp_path / "linked.labels.txt").symlink_to(tmp_path / "net.labels.txt")
    assert files_beside(tmp_path / "linked.onnx") == {}


def test_the_metadata_have_the_card(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    source = tmp_path / "linear_portable.pte"
    source.write_bytes((models / source.name).read_bytes())
    write(tmp_path, "linear_portable.", labels="a\nb")
    assert convert_file(source).metadata["task"]["output"]["labels"] == ["a", "b"]
    card = {"kind": "image_classification", "output": {"labels": ["c"]}}
    (tmp_path / "linear_portable.task.json").write_text(json.dumps(card), encoding="utf-8")
    assert convert_file(source).metadata["task"]["output"]["labels"] == ["c"]


def test_a_factory_has_a_card(tmp_path: Path, convert_file: Convert) -> None:
    torch.save(torch.nn.Linear(4, 2).state_dict(), tmp_path / "net.pth")
    write(tmp_path, "net.", labels="a\nb")
    card = {"kind": "audio_classification", "output": {"labels": ["quiet", "loud"]}}
    (tmp_path / "net.py").write_text(FACTORY % card, encoding="utf-8")
    chosen = {"factory": "net.py:build", "recipe": "portable"}
    found = convert_file(tmp_path / "net.pth", project=tmp_path, **chosen).metadata["task"]
    assert found["kind"] == "audio_classification" and found["output"]["labels"] == ["quiet", "loud"]
    (tmp_path / "net.py").write_text(FACTORY % {"kind": "dreaming"}, encoding="utf-8")
    with pytest.raises(ImporterError, match=r"net\.py: task: kind") as caught:
        convert_file(tmp_path / "net.pth", project=tmp_path, **chosen)
    assert caught.value.code == "TASK_CARD_INVALID"
