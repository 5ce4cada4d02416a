"""A task card beside a model file is read strictly, and an error names the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from importer.cache.cache_key import dependencies
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.task_card import LARGEST, read_card
from importer.task_card.lines import line_of
from importer.task_card.schema import KINDS, Wrong, check
from tests.importer.conftest import Convert

DIGITS = {
    "kind": "image_classification",
    "input": {"size": [8, 8], "channels": "gray"},
    "output": {"labels": ["zero", "one"]},
}


def write(folder: Path, content: Any) -> Path:
    source = folder / "digits.pt"
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    (folder / "digits.task.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    return source


def error_of(folder: Path, content: Any) -> str:
    with pytest.raises(ImporterError) as caught:
        read_card(write(folder, content))
    assert caught.value.code == "TASK_CARD_INVALID"
    return caught.value.cause


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    card = read_card(write(tmp_path, DIGITS))
    assert card is not None and card["format"] == 1 and card["kind"] == "image_classification"
    assert card["input"] == {
        "name": "",
        "size": [8, 8],
        "resize": "stretch",
        "padding": 0,
        "channels": "gray",
        "mean": [],
        "deviation": [],
        "layout": "NCHW",
    }
    assert card["output"] == {"name": "", "labels": ["zero", "one"], "activation": "softmax"}


def test_a_model_without_a_card(tmp_path: Path) -> None:
    assert read_card(tmp_path / "digits.pt") is None


def test_a_model_whose_name_leaves_no_room_for_a_card(tmp_path: Path) -> None:
    source = tmp_path / ("x" * 252 + ".pt")
    source.touch()
    assert read_card(source) is None and dependencies(source, ImportOptions(), None) == {}


def test_a_link_is_not_a_card(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_text(json.dumps(DIGITS), encoding="utf-8")
    (tmp_path / "digits.task.json").symlink_to(tmp_path / "elsewhere.json")
    assert read_card(tmp_path / "digits.pt") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{\n "kind": "image_classification",\n oops\n}', "line 3"),
        ("[]", "line 1: the card: expected an object, got an array"),
        ('{\n\n"kind": "dreaming"}', "line 3: kind: expected one of image_classification, object_detection"),
        ('{"format": 2,\n"kind": "text_embedding"}', "line 1: format: expected 1, got 2"),
        ('{"kind": "text_embedding",\n"colour": 1}', "line 2: colour: there is no such field"),
        ('{"kind": "text_embedding",\n"input": {\n"ids": "a",\n"size": 1}}', "line 4: input.size: there is no such"),
        ('{"kind": "text_embedding",\n"input": []}', "line 2: input: expected an object, got an array"),
        ('{"kind": "text_embedding",\n"input": {"max_tokens": true}}', "line 2: input.max_tokens: expected a whole"),
        ('{"kind": "image_classification",\n"output": {}}', "line 2: output: 'labels' is missing"),
        ('{"kind": "image_classification"}', "line 1: output: 'labels' is missing"),
        ('{"kind": "image_classification",\n"output":\n{"labels": [1]}}', "line 3: output.labels: expected a string"),
        ('{"kind": "speech_synthesis",\n"input": {\n"symbols": []}}', "line 3: input.symbols: expected an object"),
        ('{"kind": "speech_synthesis",\n"input": {"symbols": {"a": -1}}}', "line 2: input.symbols: expected a whole"),
        ('{"kind": "text_embedding", "kind": "text_embedding"}', "'kind' stands twice"),
        ('{"kind": NaN}', "NaN is not a number"),
        ("[" * 100_000, "nested too deeply"),
        ('"\ud800"', "not UTF-8"),
        (" " * (LARGEST + 1), "more than 4 MB"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content: str, words: str, tmp_path: Path) -> None:
    assert words in error_of(tmp_path, content)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", [8]),
        ("size", [0, 8]),
        ("size", [8.0, 8]),
        ("channels", "RGB"),
        ("mean", [1, 2]),
        ("deviation", [0]),
        ("mean", [1e300]),
        ("layout", ["NCHW"]),
        ("name", "a\nb"),
        ("padding", 1.5),
        ("padding", True),
    ],
)
def test_a_picture_that_cannot_be_prepared(field: str, value: Any, tmp_path: Path) -> None:
    assert f"input.{field}" in error_of(tmp_path, {**DIGITS, "input": {field: value}})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layout", "yolo"),
        ("format", None),
        ("iou_threshold", -0.1),
        ("score_threshold", "0.5"),
        ("max_boxes", 0),
        ("max_boxes", 1 << 40),
        ("landmark_numbers", 4),
        ("labels", {"0": "cat"}),
        ("class_agnostic", 1),
    ],
)
def test_boxes_that_cannot_be_read(field: str, value: Any, tmp_path: Path) -> None:
    card = {"kind": "object_detection", "output": {field: value}}
    assert f"output.{field}" in error_of(tmp_path, card)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("input", "sample_rate", 0),
        ("input", "sample_rate", 200_000),
        ("input", "sample_rate", 16_000.0),
        ("input", "window", -1),
        ("input", "hop", 1 << 40),
        ("input", "context", True),
        ("input", "scale", "loud"),
        ("output", "threshold", 1.5),
        ("output", "threshold", "high"),
        ("output", "min_speech", -0.1),
        ("output", "min_silence", True),
        ("output", "padding", 1e9),
    ],
)
def test_a_sound_that_cannot_be_prepared(part: str, field: str, value: Any, tmp_path: Path) -> None:
    card = {"kind": "speech_detection", part: {field: value}}
    assert f"{part}.{field}: expected" in error_of(tmp_path, card)


def test_a_card_of_silero_vad(tmp_path: Path) -> None:
    given = {"kind": "speech_detection", "input": {"context": 64, "state": "state"}, "output": {"state": "stateN"}}
    card = read_card(write(tmp_path, given))
    assert card is not None
    assert card["input"] == {
        "name": "", "sample_rate": 16_000, "window": 0, "hop": 0, "context": 64, "scale": "none", "state": "state",
        "rate": "",
    }  # fmt: skip
    assert card["output"]["threshold"] == 0.5 and card["output"]["padding"] == 0.03


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secret.json", "res://../secret.json", "user://x.json", "a\\b.json"]
)
def test_a_tokenizer_outside_of_the_project(path: str, tmp_path: Path) -> None:
    assert "file of the project" in error_of(tmp_path, {"kind": "text_embedding", "input": {"tokenizer": path}})


PARTS = [name for kind in KINDS.values() for fields in kind.values() for name in fields]


@given(
    some.recursive(
        some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
        lambda inner: (
            some.lists(inner, max_size=3)
            | some.dictionaries(some.sampled_from(["kind", "format", "input", "output", *PARTS]), inner, max_size=4)
        ),
        max_leaves=10,
    )
)
def test_any_value_is_a_card_or_wrong(value: Any) -> None:
    try:
        card = check(value)
    except Wrong as wrong:
        assert wrong.name and str(wrong)
    else:
        assert check(card) == card


def test_the_line_of_a_value() -> None:
    text = '{"a": [1,\n {"b": "}",\n "c": [\n]}], "d":\n 2}'
    assert [line_of(text, path) for path in ((), ("a", 1), ("a", 1, "c"), ("d",), ("x",), ("a", 9))] == [
        1,
        2,
        3,
        5,
        1,
        1,
    ]


def test_the_card_is_part_of_the_key(tmp_path: Path) -> None:
    source = write(tmp_path, DIGITS)
    (tmp_path / "other.task.json").touch()
    assert dependencies(source, ImportOptions(), None) == {"task": tmp_path / "digits.task.json"}


def test_the_card_is_in_the_metadata(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    source = tmp_path / "linear_portable.pte"
    source.write_bytes((models / source.name).read_bytes())
    assert "task" not in convert_file(source).metadata
    (tmp_path / "linear_portable.task.json").write_text(json.dumps(DIGITS), encoding="utf-8")
    assert convert_file(source).metadata["task"]["output"]["labels"] == ["zero", "one"]
    (tmp_path / "linear_portable.task.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ImporterError) as caught:
        convert_file(source)
    assert caught.value.code == "TASK_CARD_INVALID"
