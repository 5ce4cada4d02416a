"""A reader of flatbuffers that trusts no byte: every offset is checked and the work is bounded by the size.

Standard library only. `data` may be a memory map: only what is asked for is read.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from struct import Struct
from typing import Any

MOST_WORK = 4_000_000
"""A million tables, which take some seconds; large language models have some ten thousand."""
Data = bytes | bytearray | memoryview | mmap.mmap
_U16, _U32, _I32 = Struct("<H"), Struct("<I"), Struct("<i")


class Malformed(Exception):
    """The bytes are not a valid flatbuffer."""


class Region:
    """The part of a file that holds one flatbuffer; all positions are relative to its start."""

    def __init__(self, data: Data, start: int, size: int, total: int) -> None:
        if start < 0 or size < 8 or start + size > total:
            raise Malformed(f"a part of {size} bytes at {start} does not fit into {total} bytes")
        self.data = data
        self.start = start
        self.size = size
        # A small file can refer to the same table very often; valid ones visit each byte about once.
        self.budget = min(4 * size + 10_000, MOST_WORK)

    def root(self) -> Table:
        return Table(self, self.unpack(_U32, 0))

    def unpack(self, form: Struct, position: int) -> Any:
        if position < 0 or position + form.size > self.size:
            raise Malformed(f"offset {position} is outside of {self.size} bytes")
        return form.unpack_from(self.data, self.start + position)[0]

    def spend(self, work: int) -> None:
        self.budget -= work
        if self.budget < 0:
            raise Malformed("it has more parts than any program, or they refer to each other too often")

    def bytes_at(self, position: int, size: int) -> bytes:
        if position < 0 or size < 0 or position + size > self.size:
            raise Malformed(f"{size} bytes at {position} are outside of {self.size} bytes")
        begin = self.start + position
        return bytes(self.data[begin : begin + size])


class Table:
    """One table; fields are read by their number in the schema."""

    __slots__ = ("_length", "_position", "_region", "_vtable")

    def __init__(self, region: Region, position: int) -> None:
        region.spend(4)
        self._region = region
        self._position = position
        self._vtable = position - region.unpack(_I32, position)
        self._length = region.unpack(_U16, self._vtable)
        if self._length < 4 or self._vtable + self._length > region.size:
            raise Malformed("a table's description does not fit")

    def has(self, field: int) -> bool:
        return self._at(field) != 0

    def number(self, field: int, form: Struct, default: Any = 0) -> Any:
        position = self._at(field)
        return self._region.unpack(form, position) if position else default

    def table(self, field: int) -> Table | None:
        position = self._at(field)
        return Table(self._region, self._follow(position)) if position else None

    def text(self, field: int) -> str:
        """A string; empty when it is absent. Bytes that are no UTF-8 are shown as such."""
        position = self._at(field)
        if not position:
            return ""
        begin, length = self._vector(position, 1)
        return self._region.bytes_at(begin, length).decode("utf-8", "backslashreplace")

    def numbers(self, field: int, code: str) -> tuple[Any, ...]:
        """A vector of numbers; `code` is struct's letter."""
        position = self._at(field)
        if not position:
            return ()
        size = struct.calcsize("<" + code)
        begin, length = self._vector(position, size)
        return struct.unpack_from(f"<{length}{code}", self._region.data, self._region.start + begin)

    def span(self, field: int) -> tuple[int, int]:
        """Where a vector of bytes begins in the file, and its size, without reading it."""
        position = self._at(field)
        if not position:
            return 0, 0
        begin, length = self._vector(position, 1, spend=False)
        return self._region.start + begin, length

    def count(self, field: int) -> int:
        position = self._at(field)
        return self._vector(position, 4)[1] if position else 0

    def tables(self, field: int) -> Iterator[Table]:
        """A vector of tables."""
        position = self._at(field)
        if not position:
            return
        begin, length = self._vector(position, 4)
        for index in range(length):
            yield Table(self._region, self._follow(begin + 4 * index))

    def _at(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry + 2 > self._length:
            return 0
        offset: int = self._region.unpack(_U16, self._vtable + entry)
        return self._position + offset if offset else 0

    def _follow(self, position: int) -> int:
        return position + int(self._region.unpack(_U32, position))

    def _vector(self, position: int, element: int, spend: bool = True) -> tuple[int, int]:
        begin = self._follow(position)
        length: int = self._region.unpack(_U32, begin)
        if begin + 4 + length * element > self._region.size:
            raise Malformed(f"a vector of {length} elements does not fit")
        if spend:
            self._region.spend(length * min(element, 4) // 4)
        return begin + 4, length
