"""The wire format of protocol buffers, read strictly: unknown fields are refused. Standard library only.

Bytes stay where they are: a field of bytes is a view of the file. The errors are about "it", which is the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_FIELDS = 1_000_000
MOST_DEPTH = 40
MOST_NUMBERS = 4_000_000  # of all lists that are read as Python's numbers
MOST_TEXT = 1 << 20
_LAST_BYTES = bytes(range(128))
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Damaged(ValueError):
    """Bytes that are not the encoding of a message."""


class TooLarge(ValueError):
    """More than the limits of this module allow."""


class UnknownField(ValueError):
    """A field that the schema does not have."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(f"it has the unknown field {number} in a {message}")
        self.message = message
        self.number = number


@dataclass(frozen=True)
class Field:
    """kind: `int`, `float`, `text`, `bytes`, `spans` (numbers that stay encoded), `skip`, or the name of a message."""

    name: str
    kind: str
    many: bool = False


Schemas = Mapping[str, Mapping[int, Field]]
Message = dict[str, Any]


class Budget:
    """The rest of the limits while a file is read."""

    def __init__(self) -> None:
        self.fields = MOST_FIELDS
        self.numbers = MOST_NUMBERS

    def take_field(self) -> None:
        self.fields -= 1
        if self.fields < 0:
            raise TooLarge(f"it has more than {MOST_FIELDS:,} fields")

    def take_numbers(self, count: int) -> None:
        self.numbers -= count
        if self.numbers < 0:
            raise TooLarge(f"its lists have more than {MOST_NUMBERS:,} numbers")


def fields(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """(number, wire type, value) of each field: an unsigned integer, or a view of its bytes."""
    position, end = 0, len(data)
    while position < end:
        # Most tags and lengths have one byte; a call for each would double the time of a file with many fields.
        tag, position = (data[position], position + 1) if data[position] < 0x80 else varint(data, position)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise Damaged(f"it has a field of the number {number}")
        if wire == _VARINT:
            value, position = varint(data, position)
            yield number, wire, value
            continue
        if wire == _BYTES:
            is_short = position < end and data[position] < 0x80
            length, position = (data[position], position + 1) if is_short else varint(data, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise Damaged(f"it has a field of the wire type {wire}")
        if length > end - position:
            raise Damaged(f"it is truncated: a field has {length} bytes, and {end - position} bytes follow")
        yield number, wire, data[position : position + length]
        position += length


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and the position behind it."""
    result = shift = 0
    while True:
        if position >= len(data):
            raise Damaged("it is truncated inside of a number")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise Damaged("it has a number of more than 64 bits")
    if result >> 64:
        raise Damaged("it has a number of more than 64 bits")
    return result, position


def count_packed(data: memoryview) -> int:
    """How many integers a packed list has: only the last byte of each is below 128."""
    return len(data) - len(bytes(data).translate(None, _LAST_BYTES))


def read(data: memoryview, message: str, schemas: Schemas, budget: Budget, depth: int = 0) -> Message:
    """A message as a dictionary: of a repeated field a list, of a field that is absent nothing."""
    if depth > MOST_DEPTH:
        raise TooLarge(f"its messages are nested more than {MOST_DEPTH} levels deep")
    schema = schemas[message]
    found: Message = {}
    for number, wire, value in fields(data):
        budget.take_field()
        field = schema.get(number)
        if field is None:
            raise UnknownField(message, number)
        if field.kind == "skip":
            continue
        if field.many:
            found.setdefault(field.name, []).extend(_many(field, wire, value, schemas, budget, depth))
        elif field.name in found:
            raise Damaged(f"the field '{field.name}' of a {message} is there twice")
        else:
            found[field.name] = _one(field, wire, value, schemas, budget, depth)
    return found


def _many(field: Field, wire: int, value: Any, schemas: Schemas, budget: Budget, depth: int) -> list[Any]:
    if field.kind == "int" and wire == _BYTES:
        return _packed_integers(value, budget)
    if field.kind == "float" and wire == _BYTES:
        if len(value) % 4:
            raise Damaged(f"the list '{field.name}' is cut off")
        budget.take_numbers(len(value) // 4)
        return list(struct.unpack(f"<{len(value) // 4}f", value))
    return [_one(field, wire, value, schemas, budget, depth)]


def _one(field: Field, wire: int, value: Any, schemas: Schemas, budget: Budget, depth: int) -> Any:
    expected = {"int": (_VARINT,), "float": (_FIXED32,), "spans": (_VARINT, _BYTES, _FIXED32, _FIXED64)}
    if wire not in expected.get(field.kind, (_BYTES,)):
        raise Damaged(f"the field '{field.name}' has the wire type {wire}")
    if field.kind == "int":
        return signed(value)
    if field.kind == "float":
        return struct.unpack("<f", value)[0]
    if field.kind == "text":
        return text(value, field.name)
    if field.kind in ("bytes", "spans"):
        return value
    return read(value, field.kind, schemas, budget, depth + 1)


def text(value: memoryview, name: str) -> str:
    if len(value) > MOST_TEXT:
        raise TooLarge(f"the text '{name}' has {len(value):,} bytes")
    try:
        return bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"the text '{name}' is not UTF-8") from error


def signed(value: int) -> int:
    """An unsigned number of 64 bits as int64 has it."""
    return value - (1 << 64) if value >> 63 else value


def _packed_integers(data: memoryview, budget: Budget) -> list[int]:
    found, position = [], 0
    budget.take_numbers(count_packed(data))
    while position < len(data):
        value, position = varint(data, position)
        found.append(signed(value))
    return found
