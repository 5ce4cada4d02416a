"""The task card of a file that Ultralytics exported: its metadata say what the model is for. Standard library only.

The values are texts that Python can read: names "{0: 'person', 1: 'car'}", imgsz "[640, 640]", kpt_shape "[17, 3]".
They come from the file, so nothing in them is believed before it is checked.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from importer.task_card.schema import Unusable, Wrong, check

LONGEST = 1 << 20  # characters of a value
_MADE_BY = "Ultralytics"
_PADDING = round(114 / 255, 4)  # the gray that its LetterBox puts around pictures
_BOX_NUMBERS = 4


def card_of(properties: Mapping[str, str], shape: Sequence[Any]) -> dict[str, Any] | None:
    """The checked card with its defaults, or None for a file of somebody else. shape: the first output's; sizes that
    are not known may be anything but integers. Raises Unusable."""
    if properties.get("author") != _MADE_BY:
        return None
    task, names = properties.get("task"), _names(properties)
    size = _integers(properties, "imgsz", 2)
    if task == "classify":
        # Its last layer is a softmax. Pictures are cut to a square.
        picture = {"size": size[::-1], "resize": "cover"}
        card = {"kind": "image_classification", "input": picture, "output": {"labels": names, "activation": "none"}}
    elif task in ("detect", "pose"):
        landmarks = _integers(properties, "kpt_shape", 2) if task == "pose" else [0, 2]
        framed: dict[str, object] = {"size": size[::-1], "resize": "contain", "padding": _PADDING}
        output = {
            "layout": _layout(shape, len(names), landmarks),
            "labels": names,
            "landmark_count": landmarks[0],
            "landmark_numbers": landmarks[1],
        }
        card = {"kind": "object_detection", "input": framed, "output": output}
    else:
        raise Unusable(f"there is no node for the task {task!r:.40}")
    try:
        return check(card)
    except Wrong as wrong:
        raise Unusable(f"{wrong.name}: {wrong}") from wrong


def _layout(shape: Sequence[Any], classes: int, landmarks: list[int]) -> str:
    """The layout in whose place the output has as many numbers for a box."""
    behind = landmarks[0] * landmarks[1]
    if len(shape) == 3:
        for layout, place, numbers in (
            ("yolo_v8", 1, _BOX_NUMBERS + classes + behind),
            ("yolo_v10", 2, _BOX_NUMBERS + 2 + behind),
            ("yolo_v5", 2, _BOX_NUMBERS + 1 + classes + behind),
        ):
            if shape[place] == numbers:
                return layout
    raise Unusable(f"its output has the shape {list(shape)!r:.80}, which no layout of {classes} classes has")


def _names(properties: Mapping[str, str]) -> list[str]:
    names = _literal(properties, "names")
    if not isinstance(names, dict) or list(names) != list(range(len(names))) or not names:
        raise Unusable("'names' does not have a name for each number")
    if any(type(key) is not int for key in names):
        raise Unusable("'names' does not have a name for each number")
    return list(names.values())


def _integers(properties: Mapping[str, str], key: str, count: int) -> list[int]:
    found = _literal(properties, key)
    if not isinstance(found, (list, tuple)) or len(found) != count or any(type(value) is not int for value in found):
        raise Unusable(f"'{key}' is not {count} whole numbers")
    return list(found)


def _literal(properties: Mapping[str, str], key: str) -> Any:
    text = properties.get(key, "")
    if len(text) > LONGEST:
        raise Unusable(f"'{key}' has more than {LONGEST:,} characters")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError) as error:
        raise Unusable(f"'{key}' cannot be read") from error
