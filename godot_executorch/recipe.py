"""A recipe with its options, as an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """How a program is quantized and lowered.

    name: of docs/importer.md, "Recipes". float_layers: layers that stay fp32 in an int8 recipe, or fp16
    (`"head: fp16"`). group_size: how many int4 weights share a scale. max_relative_error, max_absolute_error: what the
    proof accepts; None: the recipe's own.
    """

    name: str
    float_layers: Sequence[str] = ()
    group_size: int = 32
    max_relative_error: float | None = None
    max_absolute_error: float | None = None

    def options(self) -> dict[str, Any]:
        """The import options of docs/architecture.md beside the recipe's name."""
        errors = {"max_relative_error": self.max_relative_error, "max_absolute_error": self.max_absolute_error}
        return {
            "float_layers": ", ".join(self.float_layers),
            "group_size": self.group_size,
            **{name: f"{value!r}" for name, value in errors.items() if value is not None},
        }
