"""The line of a value in a JSON text, for errors: json.loads does not keep places."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_SPACES = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line (from 1) of the value that a path of names and indices leads to, in a valid text. A path that leads
    nowhere gives the line of the last value on the way."""
    at = _skip(text, 0)
    for step in path:
        found = _member(text, at, step) if text[at] == "{" else _element(text, at, step)
        if found is None:
            break
        at = found
    return text.count("\n", 0, at) + 1


def _skip(text: str, at: int) -> int:
    found = _SPACES.match(text, at)
    return found.end() if found else at


def _member(text: str, at: int, name: str | int) -> int | None:
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)
        if key == name:
            return value
        at = _next(text, value)
    return None


def _element(text: str, at: int, index: str | int) -> int | None:
    if text[at] != "[" or not isinstance(index, int):
        return None
    at = _skip(text, at + 1)
    for _ in range(index):
        if text[at] != "]":
            at = _next(text, at)
    return None if text[at] == "]" else at


def _next(text: str, value: int) -> int:
    """Behind a value and the comma after it."""
    _, at = _DECODER.raw_decode(text, value)
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
