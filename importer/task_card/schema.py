"""The fields of a task card, their types and defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

FORMAT = 1
MOST_LABELS, LONGEST_TEXT, LARGEST_SIZE = 100_000, 200, 16_384
_NAME = re.compile(r"[^\x00-\x1f\x7f]*")

Check = Callable[[Any], str]
"""Says what is wrong with a value; empty when nothing is."""
Field = tuple[Check, Any]
"""How a field is checked, and its default; REQUIRED has none."""
REQUIRED: Any = object()


class Wrong(Exception):
    """A value that does not fit, and the path to it."""

    def __init__(self, path: Sequence[str | int], reason: str) -> None:
        super().__init__(reason)
        self.path = tuple(path)

    @property
    def name(self) -> str:
        return ".".join(map(str, self.path)) or "the card"


class Unusable(Exception):
    """What a model file says of itself, when it does not make a card; the text says why."""


def check(card: Any) -> dict[str, Any]:
    """The card with its defaults. Raises Wrong."""
    if not isinstance(card, dict):
        raise Wrong((), f"expected an object, got {_type(card)}")
    version = card.get("format", FORMAT)
    if version != FORMAT or isinstance(version, bool):
        raise Wrong(("format",), f"expected {FORMAT}, got {version!r:.40}")
    kind = card.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Wrong(("kind",), f"expected one of {', '.join(KINDS)}, got {kind!r:.40}")
    parts = KINDS[kind]
    for name in card:
        if name not in ("format", "kind", *parts):
            raise Wrong((name,), "there is no such field")
    checked = {part: _part(card.get(part, {}), part, fields) for part, fields in parts.items()}
    return {"format": FORMAT, "kind": kind, **checked}


def _part(values: Any, part: str, fields: dict[str, Field]) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise Wrong((part,), f"expected an object, got {_type(values)}")
    for name in values:
        if name not in fields:
            raise Wrong((part, name), f"there is no such field; there are {', '.join(fields)}")
    found = {}
    for name, (is_wrong, otherwise) in fields.items():
        if name not in values:
            if otherwise is REQUIRED:
                raise Wrong((part,), f"'{name}' is missing")
            found[name] = otherwise
        elif reason := is_wrong(values[name]):
            raise Wrong((part, name), reason)
        else:
            found[name] = values[name]
    return found


def _type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return f"expected a string, got {_type(value)}"
    if len(value) > LONGEST_TEXT or not _NAME.fullmatch(value):
        return f"expected at most {LONGEST_TEXT} characters, and no control characters"
    return ""


def _inner_path(value: Any) -> str:
    if reason := _text(value):
        return reason
    inside = value.removeprefix("res://")
    leads_out = inside.startswith("/") or "\\" in inside or ":" in inside or ".." in inside.split("/")
    return "expected a file of the project, as res://models/tokenizer.json" if leads_out else ""


def _one_of(*known: str) -> Check:
    return lambda value: "" if value in known else f"expected one of {', '.join(known)}, got {value!r:.40}"


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30


def _numbers(value: Any) -> str:
    fits = isinstance(value, list) and len(value) in (0, 1, 3, 4) and all(map(_number, value))
    return "" if fits else "expected an array of one number for each channel"


def _deviations(value: Any) -> str:
    return _numbers(value) or ("expected numbers that are not 0" if 0 in value else "")


def _share(value: Any) -> str:
    return "" if _number(value) and 0 <= value <= 1 else "expected a number from 0 to 1"


def _whole(smallest: int, largest: int) -> Check:
    def is_wrong(value: Any) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and smallest <= value <= largest
        return "" if fits else f"expected a whole number from {smallest} to {largest}"

    return is_wrong


def _real(smallest: float, largest: float) -> Check:
    def is_wrong(value: Any) -> str:
        fits = _number(value) and smallest <= value <= largest
        return "" if fits else f"expected a number from {smallest:g} to {largest:g}"

    return is_wrong


def _size(value: Any) -> str:
    whole = _whole(1, LARGEST_SIZE)
    fits = isinstance(value, list) and len(value) in (0, 2) and not any(map(whole, value))
    return "" if fits else "expected [width, height] in pixels"


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else f"expected true or false, got {_type(value)}"


def _labels(value: Any) -> str:
    if not isinstance(value, list) or len(value) > MOST_LABELS:
        return f"expected an array of at most {MOST_LABELS} names"
    for index, label in enumerate(value):
        if reason := _text(label):
            return f"{reason} (label {index})"
    return ""


def _symbols(value: Any) -> str:
    if not isinstance(value, dict) or len(value) > MOST_LABELS:
        return f"expected an object of at most {MOST_LABELS} symbols and their ids"
    for symbol, number in value.items():
        if reason := _text(symbol) or _whole(0, 1 << 20)(number):
            return f"{reason} (symbol {symbol!r:.40})"
    return ""


_PICTURE: dict[str, Field] = {
    "name": (_text, ""),
    "size": (_size, []),
    "resize": (_one_of("stretch", "cover", "contain", "height"), "stretch"),
    "padding": (_share, 0),
    "channels": (_one_of("rgb", "bgr", "rgba", "gray"), "rgb"),
    "mean": (_numbers, []),
    "deviation": (_deviations, []),
    "layout": (_one_of("NCHW", "NHWC"), "NCHW"),
}

# As PaddleOCR prepares pictures.
_TEXT_PICTURE: dict[str, Field] = {
    **_PICTURE,
    "padding": (_share, 0.5),
    "channels": (_PICTURE["channels"][0], "bgr"),
    "mean": (_numbers, [0.5, 0.5, 0.5]),
    "deviation": (_deviations, [0.5, 0.5, 0.5]),
}

# What the models that hear have in common.
_SOUND: dict[str, Field] = {
    "name": (_text, ""),
    "sample_rate": (_whole(8_000, 192_000), 16_000),
    "window": (_whole(0, 1 << 22), 0),
    "hop": (_whole(0, 1 << 22), 0),
    "context": (_whole(0, 1 << 20), 0),
    "scale": (_one_of("none", "window"), "none"),
    "state": (_text, ""),
    "rate": (_text, ""),
}

KINDS: dict[str, dict[str, dict[str, Field]]] = {
    "image_classification": {
        "input": _PICTURE,
        "output": {
            "name": (_text, ""),
            "labels": (_labels, REQUIRED),
            "activation": (_one_of("softmax", "none"), "softmax"),
        },
    },
    "object_detection": {
        "input": _PICTURE,
        "output": {
            "layout": (_one_of("yolo_v8", "yolo_v5", "yolo_v10", "separate"), "yolo_v8"),
            "boxes": (_text, ""),
            "scores": (_text, ""),
            "classes": (_text, ""),
            "landmarks": (_text, ""),
            "format": (_one_of("auto", "xyxy", "xywh", "cxcywh"), "auto"),
            "scale": (_one_of("pixels", "normalized"), "pixels"),
            "activation": (_one_of("none", "sigmoid", "softmax"), "none"),
            "background": (_one_of("none", "first", "last"), "none"),
            "labels": (_labels, []),
            "score_threshold": (_share, 0.25),
            "iou_threshold": (_share, 0.45),
            "max_boxes": (_whole(1, 30_000), 300),
            "class_agnostic": (_boolean, False),
            "landmark_count": (_whole(0, 1000), 0),
            "landmark_numbers": (_whole(2, 3), 2),
        },
    },
    "image_segmentation": {
        "input": _PICTURE,
        "output": {
            "name": (_text, ""),
            "layout": (_one_of("NCHW", "NHWC"), "NCHW"),
            "activation": (_one_of("none", "sigmoid"), "none"),
            "threshold": (_share, 0.5),
            "labels": (_labels, []),
        },
    },
    "image_transformation": {
        "input": _PICTURE,
        "output": {
            "name": (_text, ""),
            "layout": (_one_of("NCHW", "NHWC"), "NCHW"),
            "channels": (_one_of("auto", "rgb", "bgr", "rgba", "gray"), "auto"),
            "range": (_one_of("0..1", "-1..1", "0..255"), "0..1"),
        },
    },
    "text_detection": {
        "input": {**_TEXT_PICTURE, "resize": (_PICTURE["resize"][0], "contain")},
        "output": {
            "name": (_text, ""),
            "threshold": (_share, 0.3),
            "score_threshold": (_share, 0.5),
            "growth": (_real(0.0, 10.0), 1.6),
            "thicken": (_boolean, True),
            "max_lines": (_whole(1, 10_000), 1_000),
        },
    },
    "text_recognition": {
        "input": {**_TEXT_PICTURE, "resize": (_PICTURE["resize"][0], "height")},
        "output": {
            "name": (_text, ""),
            "characters": (_labels, REQUIRED),
            "blank": (_one_of("first", "last"), "first"),
            "activation": (_one_of("none", "softmax"), "none"),
        },
    },
    "text_embedding": {
        "input": {
            "tokenizer": (_inner_path, ""),
            "ids": (_text, "input_ids"),
            "mask": (_text, "attention_mask"),
            "types": (_text, ""),
            "max_tokens": (_whole(2, 1 << 17), 128),
        },
        "output": {
            "name": (_text, ""),
            "length": (_whole(0, 1 << 20), 0),
            "pooling": (_one_of("none", "mean", "first"), "none"),
            "normalize": (_boolean, True),
        },
    },
    "speech_detection": {
        "input": _SOUND,
        "output": {
            "name": (_text, ""),
            "state": (_text, ""),
            "threshold": (_real(0.0, 1.0), 0.5),
            "min_speech": (_real(0.0, 60.0), 0.25),
            "min_silence": (_real(0.0, 60.0), 0.1),
            "padding": (_real(0.0, 10.0), 0.03),
        },
    },
    "pitch_detection": {
        "input": _SOUND,
        "output": {
            "name": (_text, ""),
            "state": (_text, ""),
            "form": (_one_of("hertz", "bins"), "hertz"),
            "confidence": (_text, ""),
            "threshold": (_real(0.0, 1.0), 0.5),
            "step": (_whole(1, 1 << 20), 256),
            "offset": (_whole(0, 1 << 20), 0),
            "silence": (_real(0.0, 1.0), 0.0),
            "first_cents": (_real(0.0, 20_000.0), 1997.3794084376191),
            "cents": (_real(0.001, 1_200.0), 20.0),
        },
    },
    "audio_classification": {
        "input": _SOUND,
        "output": {
            "name": (_text, ""),
            "state": (_text, ""),
            "labels": (_labels, REQUIRED),
            "activation": (_one_of("softmax", "sigmoid", "none"), "softmax"),
        },
    },
    "speech_synthesis": {
        "input": {
            "ids": (_text, "ids"),
            "symbols": (_symbols, {}),
            "border": (_whole(-1, 1 << 20), 0),
            "speed": (_text, ""),
            "frames": (_text, "frames"),
            "length": (_text, "length"),
            "lexicon": (_inner_path, ""),
        },
        "output": {"name": (_text, ""), "sound": (_text, ""), "sample_rate": (_whole(8_000, 192_000), 24_000)},
    },
    "speaker_embedding": {
        "input": _SOUND,
        "output": {"name": (_text, ""), "state": (_text, ""), "threshold": (_real(-1.0, 1.0), 0.75)},
    },
}
