"""What the functions take as limits."""

from __future__ import annotations

import math
from typing import Any

from importer.errors import ImporterError


def seconds(value: Any, example: int) -> float:
    """A deadline. example: of what to give instead. Raises OPTION_INVALID."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        cause = f"`deadline_seconds` is a number of seconds above 0; got {value!r:.80}."
        raise ImporterError("OPTION_INVALID", cause, f"Give one, such as {example}.", "read")
    return float(value)
