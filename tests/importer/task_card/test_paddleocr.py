"""The characters that a text recognizer of PaddleOCR has in its file become a task card; what does not fit does not."""

from __future__ import annotations

from typing import Any

import pytest

from importer.task_card.paddleocr import LONGEST, card_of
from importer.task_card.schema import Unusable

CHARACTERS = {"character": "'\n疗\na\n"}


@pytest.mark.parametrize("shape", [[1, 40, 5], [1, 40, None], ["batch", "steps", "classes"]])
def test_the_file_has_its_characters(shape: list[Any]) -> None:
    found = card_of(CHARACTERS, shape)
    assert found is not None and found["kind"] == "text_recognition"
    assert found["output"]["characters"] == ["'", "疗", "a", " "] and found["output"]["blank"] == "first"
    assert found["input"]["resize"] == "height" and found["input"]["channels"] == "bgr"


@pytest.mark.parametrize(
    ("properties", "shape"), [({}, [1, 40, 5]), ({"author": "Ultralytics"}, [1, 40, 5]), (CHARACTERS, [1, 5])]
)
def test_other_files_have_no_card(properties: dict[str, str], shape: list[int]) -> None:
    assert card_of(properties, shape) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\nb", "3 characters, and scores of 5"),
        ("a\nb\n\tc", "no control characters"),
        ("a\n" * LONGEST, "more than"),
        ("a\n" * 100_000, "characters, and scores of 5"),
    ],
)
def test_what_does_not_fit_is_no_card(text: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        card_of({"character": text}, [1, 40, 5])
