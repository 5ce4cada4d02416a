"""The task card of a text recognizer of PaddleOCR or RapidOCR: the file has its characters. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from importer.task_card.schema import Unusable, Wrong, check

LONGEST = 1 << 20  # characters of the list
_KEY = "character"  # a character on each line


def card_of(properties: Mapping[str, str], shape: Sequence[Any]) -> dict[str, Any] | None:
    """The checked card with its defaults, or None for another file. shape: the first output's, [batch, steps, classes];
    sizes that are not known may be anything but integers. Raises Unusable."""
    if _KEY not in properties or len(shape) != 3:
        return None
    text = properties[_KEY]
    if len(text) > LONGEST:
        raise Unusable(f"'{_KEY}' has more than {LONGEST:,} characters")
    # PaddleOCR adds the space itself. The blank is the first class.
    characters = [*text.splitlines(), " "]
    if type(shape[2]) is int and shape[2] != len(characters) + 1:
        raise Unusable(f"it has {len(characters)} characters, and scores of {shape[2]}")
    try:
        return check({"kind": "text_recognition", "output": {"characters": characters}})
    except Wrong as wrong:
        raise Unusable(f"{wrong.name}: {wrong}") from wrong
