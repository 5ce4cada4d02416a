"""The text in which a person declares inputs: `x: float32[1,3,224,224]; mask: int64[batch:1..64,16]`.

A dimension is a size, `name:min..max`, or `min..max`. A name stands for the same size wherever it is written; after
the first time the range may be left out (`batch`). No brackets or empty brackets are a tensor without dimensions.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from importer.errors import ImporterError

DTYPES = {
    "float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "bool": 1,
}  # fmt: skip
"""The names that a dtype may have, with the bytes of one element."""

LARGEST_TENSOR = 1 << 34  # bytes; a typing error should not take the machine's memory
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"


@dataclass(frozen=True)
class Dimension:
    """One dimension: `minimum` and `maximum` are equal when it is fixed. Equal names are equal sizes."""

    minimum: int
    maximum: int
    name: str = ""

    @property
    def is_dynamic(self) -> bool:
        return self.minimum != self.maximum

    def __str__(self) -> str:
        prefix = f"{self.name}:" if self.name else ""
        return f"{prefix}{self.minimum}..{self.maximum}" if self.is_dynamic or self.name else str(self.minimum)


@dataclass(frozen=True)
class TensorSpec:
    """A tensor's name, dtype and dimensions."""

    name: str
    dtype: str
    dimensions: tuple[Dimension, ...]

    @property
    def shape(self) -> list[int]:
        """The upper bounds."""
        return [dimension.maximum for dimension in self.dimensions]

    @property
    def ranges(self) -> list[list[int]]:
        return [[dimension.minimum, dimension.maximum] for dimension in self.dimensions]

    def __str__(self) -> str:
        prefix = f"{self.name}: " if self.name else ""
        return f"{prefix}{self.dtype}[{','.join(map(str, self.dimensions))}]"

    def metadata(self) -> dict[str, object]:
        """The form that metadata.json has for it."""
        return {"name": self.name, "dtype": self.dtype, "shape": self.shape, "ranges": self.ranges}


def parse_inputs(text: str) -> list[TensorSpec]:
    """The inputs that a text declares, in its order; names may be left out. Raises OPTION_INVALID with the place."""
    specs: list[TensorSpec] = []
    known: dict[str, Dimension] = {}
    for part in text.split(";"):
        if part.strip():
            specs.append(_parse_tensor(part.strip(), known))
    names = [spec.name for spec in specs if spec.name]
    for name in names:
        if names.count(name) > 1:
            raise _invalid(f"the name '{name}' is used twice", text)
    return specs


def format_inputs(specs: list[TensorSpec]) -> str:
    """The text that `parse_inputs` reads back to the same."""
    return "; ".join(map(str, specs))


def _parse_tensor(part: str, known: dict[str, Dimension]) -> TensorSpec:
    match = re.fullmatch(rf"(?:({_IDENTIFIER})\s*:)?\s*([A-Za-z0-9_]+)\s*(?:\[([^\[\]]*)\])?", part)
    if not match:
        raise _invalid("expected `name: dtype[dimension,dimension]`", part)
    name, dtype, inside = match.group(1) or "", match.group(2), match.group(3)
    if dtype not in DTYPES:
        raise _invalid(f"there is no dtype '{dtype}'; there are {', '.join(DTYPES)}", part)
    dimensions = (
        [_parse_dimension(item.strip(), known, part) for item in inside.split(",")] if (inside or "").strip() else []
    )
    if math.prod(dimension.maximum for dimension in dimensions) * DTYPES[dtype] > LARGEST_TENSOR:
        raise _invalid("this tensor would have more than 16 GiB", part)
    return TensorSpec(name, dtype, tuple(dimensions))


def _parse_dimension(item: str, known: dict[str, Dimension], part: str) -> Dimension:
    match = re.fullmatch(rf"(?:({_IDENTIFIER})(?:\s*:\s*)?)?(?:([0-9]{{1,18}})(?:\s*\.\.\s*([0-9]{{1,18}}))?)?", item)
    if not match or not item or item.endswith(":"):
        raise _invalid(f"'{item}' is no dimension: expected a size, `name:min..max` or `min..max`", part)
    name, low, high = match.groups()
    if low is None:
        if name not in known:
            raise _invalid(f"'{name}' has no range: write `{name}:1..64`; a range without an end is not possible", part)
        return known[name]
    if name and ":" not in item:
        raise _invalid(f"'{item}' is no dimension: a colon stands between the name and the range", part)
    dimension = Dimension(int(low), int(high if high is not None else low), name or "")
    if dimension.minimum < 1:
        raise _invalid(f"'{item}': a size is at least 1", part)
    if dimension.minimum > dimension.maximum:
        raise _invalid(f"'{item}': the minimum is above the maximum", part)
    if name and known.setdefault(name, dimension) != dimension:
        raise _invalid(f"'{name}' has two ranges: {known[name]} and {dimension}", part)
    return dimension


def _invalid(reason: str, text: str) -> ImporterError:
    remedy = "Write it as in `x: float32[1,3,224,224]; mask: int64[batch:1..64,16]`."
    return ImporterError("OPTION_INVALID", f"The option 'inputs' cannot be read at '{text}': {reason}.", remedy, "read")
