"""Reads a `.pte`: standard library only, no torch, memory-mapped, every offset checked.

The layout is ExecuTorch's `schema/program.fbs`; the numbers of fields below are those of that schema.
"""

from __future__ import annotations

import json
import mmap
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import Any

from importer.errors import ImporterError
from importer.program import xnnpack_blob
from importer.program.flatbuffer import Data, Malformed, Region, Table

SCALAR_TYPES = {
    0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64", 11: "bool",
    12: "qint8", 13: "quint8", 14: "qint32", 15: "bfloat16", 16: "quint4x2", 17: "quint2x4", 22: "bits16",
    23: "float8_e5m2", 24: "float8_e4m3fn", 25: "float8_e5m2fnuz", 26: "float8_e4m3fnuz",
    27: "uint16", 28: "uint32", 29: "uint64",
}  # fmt: skip
_INT, _BOOL, _DOUBLE, _TENSOR, _STRING = 2, 3, 4, 5, 6  # of the union KernelTypes
_LISTS = (10, 11)
_OTHER_INSTRUCTIONS = {3: "move", 4: "jump_false", 5: "free"}
_BYTE, _U32, _I32, _I64, _U64, _F64 = (Struct("<" + code) for code in "bIiqQd")
_HEADER = Struct("<4sIQQQ")


@dataclass(frozen=True)
class Tensor:
    """A tensor value. shape: upper bounds when `dynamic`. external: the name of its data in a `.ptd`, else empty.

    allocation: (index into planned_memory, offset in bytes) when the memory planner placed it.
    """

    dtype: str
    shape: tuple[int, ...]
    dynamic: bool = False
    constant: bool = False
    external: str = ""
    name: str = ""
    allocation: tuple[int, int] | None = None


@dataclass(frozen=True)
class TensorList:
    """A list of tensors: indices of the method's values."""

    items: tuple[int, ...]


@dataclass(frozen=True)
class Instruction:
    """A step of a method. name: the operator's, or the backend's of a delegate. arguments: indices of values.

    kind: kernel, delegate, or control for what only moves, frees or jumps. delegate: its index, else -1.
    """

    name: str
    arguments: tuple[int, ...]
    delegate: int = -1
    kind: str = "control"


@dataclass(frozen=True)
class Delegate:
    """A part of a method that a backend runs. operators: what is inside, when the backend's format is known."""

    backend: str
    calls: int
    operators: dict[str, int]
    bytes: int
    graph: xnnpack_blob.Graph | None = None


@dataclass(frozen=True)
class Method:
    """An execution plan. A constant method has a value instead of inputs and instructions."""

    name: str
    inputs: list[tuple[str, Tensor | str]]
    outputs: list[tuple[str, Tensor | str]]
    planned_memory: list[int]
    operators: dict[str, int]
    delegates: list[Delegate]
    instructions: list[Instruction]
    values: list[Any]
    input_ids: tuple[int, ...]
    output_ids: tuple[int, ...]
    constant: Any = None
    is_constant: bool = False
    external: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Program:
    """The contents of a `.pte`. constant_bytes: weights inside the file, those of delegates included."""

    version: int
    size: int
    methods: list[Method]
    constant_bytes: int
    segments: list[tuple[int, int]]
    named_data: list[str]

    @property
    def external_keys(self) -> list[str]:
        return sorted({key for method in self.methods for key in method.external})


def read_program(path: Path) -> Program:
    """Read a `.pte`. Raises PTE_INVALID for every other file, and no other exception for any bytes."""
    try:
        size = path.stat().st_size
        if size < 64:
            raise Malformed(f"it has only {size} bytes")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return parse_program(data, size)
    except Malformed as error:
        cause = f"{path.name} is not a valid ExecuTorch program: {error}."
        remedy = "Export the program again; the file is damaged."
        if isinstance(error, _OtherFile):
            remedy = "Give a .pte: convert a model first. If this was a program, export it again."
        raise ImporterError("PTE_INVALID", cause, remedy, "read") from error
    except OSError as error:
        cause = f"{path} cannot be read: {error.strerror or error}."
        raise ImporterError(
            "FILE_NOT_READABLE", cause, "Check that the file exists and may be read.", "read"
        ) from error


class _OtherFile(Malformed):
    """The bytes of a program's name are others."""


def parse_program(data: Data, size: int) -> Program:
    """Read a program out of bytes. Raises Malformed."""
    if size < 64:
        raise Malformed(f"it has only {size} bytes")
    identifier = bytes(data[4:8])
    if identifier != b"ET12":
        raise _OtherFile(f"bytes 4 to 8 are {identifier!r}; expected b'ET12'")
    program_size, base, segment_size = _extended_header(data, size)
    root = Region(data, 0, program_size, size).root()
    segments = []
    for segment in root.tables(4):
        offset, length = segment.number(0, _U64), segment.number(1, _U64)
        if base + offset + length > size:
            raise Malformed(f"a segment of {length} bytes at {base + offset} is outside of the file (cut off?)")
        segments.append((base + offset, length))
    if segment_size and base + segment_size > size:
        raise Malformed(f"its segments need {base + segment_size} bytes, but the file has {size} (cut off?)")
    named = [(item.text(0), item.number(1, _U32)) for item in root.tables(7)]
    blobs = _Blobs(data, size, segments, [item.span(0) for item in root.tables(3)])
    methods = [_method(plan, blobs, {name for name, _ in named}) for plan in root.tables(1)]
    if not methods:
        raise Malformed("it has no method")
    inline = sum(buffer.span(0)[1] for buffer in root.tables(2))
    constant_segment = root.table(5)
    weights = inline + sum(segments[index][1] for index in {index for _, index in named} if index < len(segments))
    if constant_segment and constant_segment.count(1):
        index = constant_segment.number(0, _U32)
        weights += segments[index][1] if index < len(segments) else 0
    weights += sum(blobs.constants)
    return Program(root.number(0, _U32), size, methods, weights, segments, [name for name, _ in named])


def _extended_header(data: Data, size: int) -> tuple[int, int, int]:
    magic, length, program_size, base, segment_size = _HEADER.unpack_from(data, 8)
    if magic != b"eh00":
        return size, 0, 0
    if not 24 <= length <= 4096 or program_size > size or base > size:
        raise Malformed(f"its header names {program_size} bytes and segments at {base}, but it has {size} (cut off?)")
    return program_size, base, segment_size if length >= 32 else 0


class _Blobs:
    """The delegates' data: where it is and what is inside. A blob is read once however often it is referred to."""

    def __init__(self, data: Data, size: int, segments: list[tuple[int, int]], inline: list[tuple[int, int]]) -> None:
        self._data = data
        self._size = size
        self._places = {0: inline, 1: segments}
        self._seen: dict[tuple[int, int], xnnpack_blob.Graph] = {}
        self.constants: list[int] = []

    def read(self, backend: str, location: int, index: int) -> tuple[xnnpack_blob.Graph | None, int]:
        places = self._places.get(location, [])
        if not 0 <= index < len(places):
            raise Malformed(f"a delegate refers to data {index}, but there are {len(places)}")
        begin, length = places[index]
        if backend != "XnnpackBackend":
            return None, length
        if (location, index) not in self._seen:
            graph = xnnpack_blob.read(self._data, begin, length, self._size)
            self._seen[location, index] = graph
            self.constants.append(graph.constant_bytes)
        return self._seen[location, index], length


def _method(plan: Table, blobs: _Blobs, named: set[str]) -> Method:
    values = [_value(value) for value in plan.tables(2)]
    operators = [".".join(filter(None, (item.text(0), item.text(1)))) for item in plan.tables(6)]
    delegates = [_delegate(item, blobs) for item in plan.tables(7)]
    backends = [backend for backend, _, _ in delegates]
    instructions = [_instruction(item, operators, backends) for chain in plan.tables(5) for item in chain.tables(2)]
    kernel_calls = Counter(step.name for step in instructions if step.kind == "kernel")
    delegate_calls = Counter(step.delegate for step in instructions if step.kind == "delegate")
    container = plan.table(1)
    input_ids, output_ids = plan.numbers(3, "i"), plan.numbers(4, "i")
    inputs = _named(_pick(values, input_ids), _input_names(container.text(0) if container else ""), "input")
    outputs = _named(_pick(values, output_ids), _output_names(container.text(1) if container else ""), "output")
    is_constant = not instructions and not inputs and bool(outputs)
    constants = [_literal(value) for value in _pick(values, output_ids)] if is_constant else []
    found = [
        Delegate(backend, delegate_calls[index], graph.operators if graph else {}, size, graph)
        for index, (backend, graph, size) in enumerate(delegates)
    ]
    external = [value.external for value in values if isinstance(value, Tensor) and value.external]
    external += [key for item in found if item.graph for key in item.graph.data_keys if key not in named]
    return Method(
        name=plan.text(0),
        inputs=inputs,
        outputs=outputs,
        # The first entry is reserved by the format.
        planned_memory=list(plan.numbers(8, "q")[1:]),
        operators=dict(sorted(kernel_calls.items())),
        delegates=found,
        instructions=instructions,
        values=values,
        input_ids=input_ids,
        output_ids=output_ids,
        constant=(constants[0] if len(constants) == 1 else constants) if is_constant else None,
        is_constant=is_constant,
        external=external,
    )


def _instruction(item: Table, operators: list[str], backends: list[str]) -> Instruction:
    arguments = item.table(1)
    kind = item.number(0, _BYTE)
    if arguments is None or kind not in (1, 2):
        return Instruction(_OTHER_INSTRUCTIONS.get(kind, "unknown"), ())
    index = arguments.number(0, _I32)
    names = operators if kind == 1 else backends
    if not 0 <= index < len(names):
        raise Malformed(f"an instruction refers to operator or delegate {index}, which is not there")
    return Instruction(
        names[index],
        arguments.numbers(1, "i"),
        kind="kernel" if kind == 1 else "delegate",
        delegate=-1 if kind == 1 else index,
    )


def _delegate(item: Table, blobs: _Blobs) -> tuple[str, xnnpack_blob.Graph | None, int]:
    backend = item.text(0)
    place = item.table(1)
    if place is None:
        return backend, None, 0
    return backend, *blobs.read(backend, place.number(0, _BYTE), place.number(1, _U32))


def _value(value: Table) -> Any:
    kind, content = value.number(0, _BYTE), value.table(1)
    if content is None:
        return None
    if kind == _TENSOR:
        return _tensor(content)
    readers = {_INT: _I64, _DOUBLE: _F64}
    if kind in readers:
        return content.number(0, readers[kind])
    if kind in _LISTS:
        return TensorList(content.numbers(0, "i"))
    if kind == _BOOL:
        return bool(content.number(0, _BYTE))
    return content.text(0) if kind == _STRING else None


def _tensor(content: Table) -> Tensor:
    extra = content.table(9)
    name = extra.text(1) if extra else ""
    external = bool(extra and extra.number(2, _BYTE) == 1)
    code = content.number(0, _BYTE)
    place = content.table(6)
    memory = place.number(0, _U32) - 1 if place else -1
    offset = place.number(1, _U32) | place.number(2, _U32) << 32 if place else 0
    return Tensor(
        dtype=SCALAR_TYPES.get(code, f"type_{code}"),
        shape=content.numbers(2, "i"),
        dynamic=content.number(8, _BYTE) != 0,
        constant=(external or content.number(5, _U32) > 0) and place is None,
        external=name if external else "",
        name=name,
        allocation=(memory, offset) if place else None,
    )


def _pick(values: list[Any], indices: tuple[int, ...]) -> list[Any]:
    if any(not 0 <= index < len(values) for index in indices):
        raise Malformed("an input or output is not there")
    return [values[index] for index in indices]


def _literal(value: Any) -> Any:
    return f"{value.dtype}{list(value.shape)}" if isinstance(value, Tensor) else value


def _named(values: list[Any], names: list[str], prefix: str) -> list[tuple[str, Tensor | str]]:
    if len(names) != len(values) or len(set(names)) != len(names):
        names = [""] * len(values)
    kinds = [value if isinstance(value, Tensor) else type(value).__name__ for value in values]
    return [(name or f"{prefix}_{index}", kind) for index, (name, kind) in enumerate(zip(names, kinds, strict=True))]


def _input_names(text: str) -> list[str]:
    """Only keyword arguments have names in a program: the tree is ((positional...), {keyword: ...})."""
    tree = _tree(text)
    if not tree or len(tree.get("children_spec", ())) != 2:
        return []
    positional, keyword = tree["children_spec"]
    return [""] * _leaves(positional) + _keys(keyword)


def _output_names(text: str) -> list[str]:
    return _keys(_tree(text) or {})


def _tree(text: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(text)
        return parsed[1] if isinstance(parsed, list) and len(parsed) == 2 and _is_tree(parsed[1]) else None
    except (ValueError, RecursionError):
        return None


def _is_tree(node: Any) -> bool:
    children = node.get("children_spec", []) if isinstance(node, dict) else None
    return isinstance(children, list) and all(_is_tree(child) for child in children)


def _leaves(node: dict[str, Any]) -> int:
    if node.get("type") is None:
        return 1
    return sum(_leaves(child) for child in node.get("children_spec", ()))


def _keys(node: dict[str, Any]) -> list[str]:
    """The keys of a dictionary whose values are tensors; empty for anything else."""
    if node.get("type") not in ("builtins.dict", "collections.OrderedDict"):
        return []
    try:
        keys = json.loads(str(node.get("context")))
    except (ValueError, RecursionError):
        return []
    flat = all(child.get("type") is None for child in node.get("children_spec", ()))
    return [str(key) for key in keys] if flat and isinstance(keys, list) else []
