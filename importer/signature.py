"""The text that declares inputs: `x: float32[1,3,224,224]; mask: int64[batch:1..64,16]`.

A dimension is a size, `name:min..max`, or `min..max`. Equal names are equal sizes; the range of
a name may be left out after the first time (`batch`). No brackets or empty brackets are a tensor without dimensions. An
input of an ONNX file can be fixed to a value: `rate: int64[] = 16000`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from importer.errors import ImporterError

DTYPES = {
    "float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "bool": 1,
}  # fmt: skip
"""The names that a dtype may have, with the bytes of one element."""

LARGEST_TENSOR = 1 << 34  # bytes; a typing error should not take the machine's memory
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_NUMBER = r"[+-]?[0-9]{1,18}(?:\.[0-9]{0,18})?"


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
    """A tensor's name, dtype and dimensions. value: of all elements of a fixed input of an ONNX file, which the
    program does not have."""

    name: str
    dtype: str
    dimensions: tuple[Dimension, ...]
    value: float | None = None

    @property
    def shape(self) -> list[int]:
        """The upper bounds."""
        return [dimension.maximum for dimension in self.dimensions]

    @property
    def ranges(self) -> list[list[int]]:
        return [[dimension.minimum, dimension.maximum] for dimension in self.dimensions]

    def __str__(self) -> str:
        prefix = f"{self.name}: " if self.name else ""
        suffix = "" if self.value is None else f" = {self.value:g}"
        return f"{prefix}{self.dtype}[{','.join(map(str, self.dimensions))}]{suffix}"

    @staticmethod
    def of(found: Mapping[str, Any]) -> TensorSpec:
        """A tensor of metadata.json. A program that does not say which sizes vary has them from 1 on."""
        ranges = found.get("ranges") or [(1 if found.get("dynamic") else size, size) for size in found["shape"]]
        names = found.get("size_names") or [""] * len(ranges)
        dimensions = tuple(
            Dimension(int(low), int(high), str(name)) for (low, high), name in zip(ranges, names, strict=False)
        )
        return TensorSpec(str(found["name"]), str(found["dtype"]), dimensions)

    def metadata(self) -> dict[str, object]:
        """The form that metadata.json has for it."""
        described: dict[str, object] = {
            "name": self.name,
            "dtype": self.dtype,
            "shape": self.shape,
            "ranges": self.ranges,
        }
        names = [dimension.name if dimension.is_dynamic else "" for dimension in self.dimensions]
        return {**described, "size_names": names} if any(names) else described


def parse_inputs(text: str) -> list[TensorSpec]:
    """The inputs that a text declares, in its order; names may be left out. Raises OPTION_INVALID with the place."""
    specs: list[TensorSpec] = []
    known: dict[str, Dimension] = {}
    for part in text.split(";"):
        if part.strip():
            specs.append(_parse_tensor(part.strip(), known))
    names = [spec.name for spec in specs if spec.name]
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise _invalid(f"the name '{twice}' is used twice", text)
    return specs


def format_inputs(specs: list[TensorSpec]) -> str:
    """The text that `parse_inputs` reads back to the same."""
    return "; ".join(map(str, specs))


def _parse_tensor(part: str, known: dict[str, Dimension]) -> TensorSpec:
    match = re.fullmatch(
        rf"(?:({_IDENTIFIER})\s*:)?\s*([A-Za-z0-9_]+)\s*(?:\[([^\[\]]*)\])?\s*(?:=\s*({_NUMBER}))?", part
    )
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
    value = None if match.group(4) is None else float(match.group(4))
    return TensorSpec(name, dtype, tuple(dimensions), value)


def _parse_dimension(item: str, known: dict[str, Dimension], part: str) -> Dimension:
    match = re.fullmatch(rf"(?:({_IDENTIFIER})(?:\s*:\s*)?)?(?:([0-9]{{1,18}})(?:\s*\.\.\s*([0-9]{{1,18}}))?)?", item)
    if not match or not item or item.endswith(":"):
        raise _invalid(f"'{item}' is not a dimension: expected a size, `name:min..max` or `min..max`", part)
    name, low, high = match.groups()
    if low is None:
        if name not in known:
            raise _invalid(f"'{name}' has no range: write `{name}:1..64`; a range without an end is not possible", part)
        return known[name]
    if name and ":" not in item:
        raise _invalid(f"'{item}' is not a dimension: a colon stands between the name and the range", part)
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
    return ImporterError(
        "OPTION_INVALID", f"The option 'inputs' cannot be read at '{text:.200}': {reason:.400}.", remedy, "read"
    )
