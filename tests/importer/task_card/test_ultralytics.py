"""The metadata that Ultralytics writes into an ONNX file become a task card; others', and broken ones, do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from onnx import TensorProto, helper

from importer.cache.cache import Cache
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.task_card.schema import Unusable
from importer.task_card.ultralytics import LONGEST, card_of

# As version 8 writes them.
DETECT = {
    "description": "Ultralytics YOLOv8n model trained on coco.yaml",
    "author": "Ultralytics",
    "version": "8.3.0",
    "stride": "32",
    "task": "detect",
    "batch": "1",
    "imgsz": "[480, 640]",
    "names": "{0: 'person', 1: \"driver's seat\", 2: 'car'}",
}
NAMES = ["person", "driver's seat", "car"]


def card(shape: list[Any], **changes: str) -> dict[str, Any]:
    found = card_of({**DETECT, **changes}, shape)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("shape", "layout"),
    [([1, 7, 6300], "yolo_v8"), (["batch", 7, None], "yolo_v8"), ([1, 6300, 8], "yolo_v5"), ([1, 300, 6], "yolo_v10")],
)
def test_the_shape_tells_the_head(shape: list[Any], layout: str) -> None:
    found = card(shape)
    assert found["kind"] == "object_detection"
    assert found["output"]["layout"] == layout and found["output"]["labels"] == NAMES
    assert found["input"]["size"] == [640, 480] and found["input"]["resize"] == "contain"


def test_a_pose_has_landmarks() -> None:
    found = card([1, 56, 8400], task="pose", names="{0: 'person'}", kpt_shape="[17, 3]")
    assert [found["output"][name] for name in ("landmark_count", "landmark_numbers")] == [17, 3]


def test_a_classifier_returns_probabilities() -> None:
    found = card([1, 3], task="classify", imgsz="[224, 224]")
    assert found["kind"] == "image_classification" and found["output"]["activation"] == "none"
    assert found["output"]["labels"] == NAMES and found["input"]["resize"] == "cover"


def test_a_file_of_somebody_else() -> None:
    assert card_of({}, [1, 7, 6300]) is None
    assert card_of({**DETECT, "author": "somebody"}, [1, 7, 6300]) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"names": "{0: 'a', 2: 'b'}"}, "names"),
        ({"names": "{False: 'a', True: 'b', 2: 'c'}"}, "names"),
        ({"names": "['a', 'b', 'c']"}, "names"),
        ({"names": "{}"}, "names"),
        ({"names": "{0: 'a\\nb', 1: 'b', 2: 'c'}"}, "control characters"),
        ({"names": "{0: 1, 1: 'b', 2: 'c'}"}, "output.labels"),
        ({"names": "__import__('os').abort()"}, "names"),
        ({"names": "(" * 100_000}, "names"),
        ({"names": "-" * 100_000 + "1"}, "names"),
        ({"names": " " * (LONGEST + 1)}, "more than"),
        ({"imgsz": "[640]"}, "imgsz"),
        ({"imgsz": "[1e3, 640]"}, "imgsz"),
        ({"imgsz": "[0, 640]"}, "input.size"),
        ({"imgsz": "[9" + "9" * 30 + ", 640]"}, "input.size"),
        ({"task": "segment"}, "'segment'"),
        ({"task": "pose"}, "kpt_shape"),
        ({"task": "pose", "kpt_shape": "[17, 4]"}, "shape"),
        ({"task": "pose", "kpt_shape": "[-17, 3]"}, "shape"),
    ],
)
def test_metadata_that_make_no_card(changes: dict[str, str], words: str) -> None:
    with pytest.raises(Unusable, match=words.replace("(", r"\(")):
        card([1, 7, 6300], **changes)


@given(
    some.dictionaries(some.sampled_from(["task", "names", "imgsz", "kpt_shape"]), some.text(max_size=30)),
    some.lists(some.integers(-1, 10) | some.none() | some.text(max_size=3), max_size=4),
)
def test_any_metadata_make_a_card_or_none(changes: dict[str, str], shape: list[Any]) -> None:
    try:
        assert card(shape, **changes)["output"]["labels"]
    except Unusable as error:
        assert str(error)


def detector(path: Path, properties: dict[str, str]) -> Path:
    """A file whose output has the shape of a detector's: [1, 7, 16]."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [7, 3, 8, 8], [0.01] * (7 * 3 * 64))
    shape = helper.make_tensor("shape", TensorProto.INT64, [3], [1, 7, 16])
    nodes = [
        helper.make_node("Conv", ["images", "weights"], ["map"], strides=[8, 8]),
        helper.make_node("Reshape", ["map", "shape"], ["output0"]),
    ]
    taken = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])]
    given_back = [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 7, 16])]
    graph = helper.make_graph(nodes, "detector", taken, given_back, [weights, shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, properties)
    onnx.save(model, str(path))
    return path


def test_the_file_beside_takes_precedence(tmp_path: Path, session_cache: Cache) -> None:
    source = detector(tmp_path / "yolo.onnx", {**DETECT, "imgsz": "[32, 32]"})
    own = convert(source, cache=session_cache, options=ImportOptions()).metadata
    assert own["task"]["output"]["labels"] == NAMES and own["task"]["input"]["size"] == [32, 32]
    beside = {"kind": "image_transformation"}
    (tmp_path / "yolo.task.json").write_text(json.dumps(beside), encoding="utf-8")
    assert convert(source, cache=session_cache, options=ImportOptions()).metadata["task"]["kind"] == beside["kind"]


def test_what_cannot_be_used_is_a_note(tmp_path: Path, session_cache: Cache) -> None:
    source = detector(tmp_path / "broken.onnx", {**DETECT, "names": "{0: 'a'}"})
    found = convert(source, cache=session_cache, options=ImportOptions()).metadata
    assert "task" not in found
    assert any("metadata of Ultralytics" in note for note in found["notes"])
