"""Programs (`.pte`) and external weights (`.ptd`) whose tables are whole and say what cannot be, or has no end.

The bytes of real files are changed in place, or a longer vector is put behind the flatbuffer and takes another's place.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.attacks.hostile.canary import Hostile

_SECONDS = {"deadline_seconds": 8}
# Numbers of fields in executorch/schema/program.fbs.
PLANS, SEGMENTS = 1, 4
NAME, VALUES, INPUTS, CHAINS, DELEGATES, PLANNED = 0, 2, 3, 5, 7, 8
INSTRUCTIONS = 2
_TENSOR = 5  # of KernelTypes
_HEADER = 8


class Flatbuffer:
    """A flatbuffer's bytes, to be changed. Places are offsets from its first byte."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def number(self, form: str, place: int) -> int:
        return int(struct.unpack_from(form, self.data, place)[0])

    def put(self, form: str, place: int, *values: int) -> None:
        struct.pack_into(form, self.data, place, *values)

    def follow(self, place: int) -> int:
        return place + self.number("<I", place)

    def field(self, table: int, number: int) -> int:
        """Where a table's field is. Raises ValueError when it has its default."""
        head = table - self.number("<i", table)
        place = 4 + 2 * number
        found = self.number("<H", head + place) if place < self.number("<H", head) else 0
        if not found:
            raise ValueError(f"the table has no field {number}")
        return table + found

    def vector(self, table: int, number: int) -> tuple[int, int]:
        """The first item's place, and how many items there are."""
        begin = self.follow(self.field(table, number))
        return begin + 4, self.number("<I", begin)

    def tables(self, table: int, number: int) -> list[int]:
        begin, count = self.vector(table, number)
        return [self.follow(begin + 4 * index) for index in range(count)]


class Program(Flatbuffer):
    """The flatbuffer of a `.pte`, and the segments behind it."""

    def __init__(self, data: bytes) -> None:
        size, self._base = struct.unpack_from("<2Q", data, _HEADER + 8)
        super().__init__(data[:size])
        self._rest = data[self._base :]

    @property
    def plan(self) -> int:
        return self.tables(self.follow(0), PLANS)[0]

    def replace_vector(self, table: int, number: int, items: bytes, count: int, alignment: int = 8) -> None:
        """Let a field name another vector, which is written behind all others."""
        place = self.field(table, number)
        while (len(self.data) + 4) % alignment:
            self.data += b"\0"
        self.put("<I", place, len(self.data) - place)
        self.data += struct.pack("<I", count) + items

    def bytes(self) -> bytes:
        self.data += b"\0" * (-len(self.data) % 64)
        self.put("<2Q", _HEADER + 8, len(self.data), len(self.data) if self._base else 0)
        return bytes(self.data) + self._rest


def _planned_around(program: Program) -> None:
    """Buffers that have 2**64 bytes together, which counts as 0: all but the first lie outside of all memory."""
    items = struct.pack("<q", 0) + struct.pack("<q", 1 << 40) * (1 << 24)
    program.replace_vector(program.plan, PLANNED, items, (1 << 24) + 1)


def _planned_large(program: Program) -> None:
    begin, count = program.vector(program.plan, PLANNED)
    program.put("<q", begin + 8 * (count - 1), 1 << 39)


def _input(program: Program) -> int:
    """The table of the first input's tensor."""
    begin, _ = program.vector(program.plan, INPUTS)
    value = program.tables(program.plan, VALUES)[program.number("<i", begin)]
    return program.follow(program.field(value, 1))


def _input_sizes(sizes: list[int], program: Program) -> None:
    begin, count = program.vector(_input(program), 2)
    for index, size in enumerate(sizes[:count]):
        program.put("<i", begin + 4 * index, size)


def _many_instructions(program: Program) -> None:
    """Three million instructions that are the same table: the first value is moved onto itself."""
    chain, count = program.tables(program.plan, CHAINS)[0], 3_000_000
    program.replace_vector(chain, INSTRUCTIONS, b"\0" * (4 * count), count, 4)
    begin, _ = program.vector(chain, INSTRUCTIONS)
    instruction = len(program.data) + 16
    # An Instruction of the kind MoveCall and its MoveCall, each behind its list of fields.
    program.data += struct.pack("<8x4H", 8, 12, 8, 4) + struct.pack("<iIB3x", 8, 16, 3)
    program.data += struct.pack("<4H", 8, 12, 4, 8) + struct.pack("<3i", 8, 0, 0)
    for index in range(count):
        program.put("<I", begin + 4 * index, instruction - begin - 4 * index)


def _methods_before(program: Program) -> None:
    """A vector of 200,000 methods that leads back to the one there is, which offsets cannot."""
    plan, count = program.plan, 200_000
    program.replace_vector(program.follow(0), PLANS, b"\0" * (4 * count), count, 4)
    begin, _ = program.vector(program.follow(0), PLANS)
    for index in range(count):
        program.put("<I", begin + 4 * index, (plan - begin - 4 * index) & 0xFFFFFFFF)


def _segments_overlap(program: Program) -> None:
    for segment in program.tables(program.follow(0), SEGMENTS):
        try:
            program.put("<Q", program.field(segment, 0), 0)
        except ValueError:
            continue


def _name(text: bytes, program: Program) -> None:
    """Another name for the method, as long as there is room."""
    begin, count = program.vector(program.plan, NAME)
    program.data[begin : begin + count] = text[:count].ljust(count, b"\0")


# The base's name, and what is changed.
PROGRAMS: dict[str, tuple[str, Callable[[Program], None]]] = {
    "planned_around": ("linear_portable.pte", _planned_around),
    "planned_large": ("linear_portable.pte", _planned_large),
    "input_large": ("linear_portable.pte", partial(_input_sizes, [1 << 30, 1 << 8])),
    "input_16_gigabytes": ("linear_portable.pte", partial(_input_sizes, [1 << 30, 4])),
    "input_negative": ("linear_portable.pte", partial(_input_sizes, [-1, -1])),
    "input_empty": ("linear_xnnpack.pte", partial(_input_sizes, [0, 0])),
    "many_instructions": ("linear_portable.pte", _many_instructions),
    "methods_before": ("linear_portable.pte", _methods_before),
    "segments_overlap": ("linear_xnnpack.pte", _segments_overlap),
    "name_with_zero": ("linear_portable.pte", partial(_name, b"for\0ard")),
    "name_above": ("linear_portable.pte", partial(_name, b"../../x")),
    "name_not_utf8": ("linear_portable.pte", partial(_name, b"\xff\xfeorwar")),
}


def program(models: Path, name: str) -> bytes:
    base, change = PROGRAMS[name]
    found = Program((models / base).read_bytes())
    change(found)
    return found.bytes()


def _segment(number: int, value: int, weights: Flatbuffer) -> None:
    """number: 0 the offset, 1 the size of each segment of external weights."""
    for table in weights.tables(weights.follow(0), 1):
        try:
            weights.put("<Q", weights.field(table, number), value)
        except ValueError:
            continue


def _layout(value: int, weights: Flatbuffer) -> None:
    for entry in weights.tables(weights.follow(0), 2):
        begin, count = weights.vector(weights.follow(weights.field(entry, 2)), 1)
        for index in range(count):
            weights.put("<i", begin + 4 * index, value)


def _keys(text: bytes, weights: Flatbuffer) -> None:
    for entry in weights.tables(weights.follow(0), 2):
        begin, count = weights.vector(entry, 0)
        weights.data[begin : begin + count] = (text * count)[:count]


def _version(place: int, weights: Flatbuffer) -> None:
    """The first table says that it is long, and that its version is there: behind the end of the file."""
    head = weights.follow(0) - weights.number("<i", weights.follow(0))
    weights.put("<2H", head + 2, 0xFFFF, place)


WEIGHTS: dict[str, Callable[[Flatbuffer], None]] = {
    "version_outside": partial(_version, 0xFFF0),
    "version_in_itself": partial(_version, 4),
    "segment_far": partial(_segment, 0, 1 << 40),
    "segment_wraps": partial(_segment, 0, (1 << 64) - 8),
    "segment_at_the_end": partial(_segment, 0, 1 << 10),
    "segment_short": partial(_segment, 1, 1),
    "segment_empty": partial(_segment, 1, 0),
    "segment_long": partial(_segment, 1, 1 << 40),
    "layout_large": partial(_layout, 1 << 20),
    "layout_negative": partial(_layout, -1),
    "layout_empty": partial(_layout, 0),
    "names_alike": partial(_keys, b"x"),
    "names_above": partial(_keys, b"../"),
}


def weights(models: Path, name: str) -> bytes:
    data = (models / "external_weights.ptd").read_bytes()
    found = Flatbuffer(data)
    WEIGHTS[name](found)
    return bytes(found.data)


def files(models: Path) -> Iterator[Hostile]:
    def write(name: str, path: Path, _: Path) -> None:
        path.write_bytes(program(models, name))

    def write_weights(name: str, path: Path, _: Path) -> None:
        shutil.copyfile(models / "external_weights.pte", path)
        path.with_suffix(".ptd").write_bytes(weights(models, name))

    for name in PROGRAMS:
        yield Hostile(f"pte_{name}", ".pte", partial(write, name), _SECONDS)
    for name in WEIGHTS:
        yield Hostile(f"ptd_{name}", ".pte", partial(write_weights, name), _SECONDS)
