"""An ONNX file as plain values: graph, nodes, where the tensors lie. Nothing is computed. Standard library only."""

from __future__ import annotations

import gc
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.sources.onnx.file.schema import SCHEMAS
from importer.sources.onnx.refusals import bad_type, damaged, invalid, of_an_onnx_file, too_large
from importer.sources.protobuf import Budget, Message, fields, read

MOST_BYTES = (1 << 31) - 1
"""The largest message of protocol buffers."""
MOST_RANK = 32
_ATTRIBUTES = {
    1: ("f", "float"),
    2: ("i", "int"),
    3: ("s", "text"),
    4: ("t", "tensor"),
    5: ("g", "graph"),
    6: ("floats", "floats"),
    7: ("ints", "ints"),
    8: ("strings", "texts"),
    9: ("tensors", "tensors"),
    10: ("graphs", "graphs"),
    11: ("sparse_tensor", "sparse"),
    12: ("sparse_tensors", "sparse list"),
    13: ("tp", "type"),
    14: ("type_protos", "types"),
}


@dataclass(frozen=True)
class TensorData:
    """A tensor and where its values are: encoded in views of the file, or in a file beside it."""

    name: str
    dtype: int
    dims: tuple[int, ...]
    raw: memoryview | None = None
    lists: Mapping[str, list[Any]] = field(default_factory=dict)
    external: Mapping[str, str] | None = None


@dataclass(frozen=True)
class SparseData:
    values: TensorData
    indices: TensorData
    dims: tuple[int, ...]


@dataclass(frozen=True)
class Attribute:
    """kind: as in _ATTRIBUTES. reference: the attribute of a function's caller that it stands for."""

    name: str
    kind: str
    value: Any
    reference: str = ""


@dataclass(frozen=True)
class Node:
    operator: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]

    def __str__(self) -> str:
        named = f" '{self.name[:100]}'" if self.name else f" that makes '{(self.outputs or ('',))[0][:100]}'"
        return f"the node{named} ({self.domain + '.' if self.domain else ''}{self.operator})"


@dataclass(frozen=True)
class ValueType:
    """dtype: ONNX's number, 0 when it is not a tensor. dims: sizes, names, None for unknown ones; None: of any rank."""

    name: str
    dtype: int
    dims: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class Graph:
    name: str
    nodes: list[Node]
    constants: dict[str, TensorData | SparseData]
    inputs: list[ValueType]
    outputs: list[ValueType]


@dataclass(frozen=True)
class Function:
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    defaults: Mapping[str, Attribute]
    nodes: list[Node]
    opsets: Mapping[str, int]


@dataclass(frozen=True)
class Model:
    path: Path
    opsets: Mapping[str, int]
    graph: Graph
    functions: Mapping[tuple[str, str], Function]
    producer: str
    properties: Mapping[str, str]

    def __deepcopy__(self, memo: Any) -> Model:
        return self  # it never changes


def has_outline(path: Path) -> bool:
    """Whether a file has the fields of an ONNX model, a graph included; their contents are not read."""
    try:
        seen = {number for number, _, _ in fields(_view(path))}
    except Exception:  # of any other kind
        return False
    return 7 in seen and seen <= SCHEMAS["ModelProto"].keys()


def read_model(path: Path) -> Model:
    """The model. Raises ONNX_DAMAGED, ONNX_UNKNOWN_FIELD, ONNX_TOO_LARGE, ONNX_GRAPH_INVALID..."""
    was_enabled = gc.isenabled()
    gc.disable()  # nothing of a message is garbage, and Python looks through all of it again and again
    try:
        return _read_model(path)
    finally:
        if was_enabled:
            gc.enable()


def _read_model(path: Path) -> Model:
    with of_an_onnx_file():
        found = read(_view(path), "ModelProto", SCHEMAS, Budget())
    if "graph" not in found:
        raise damaged("it has no graph")
    opsets = _opsets(found)
    functions = {}
    for item in found.get("functions", []):
        key = (domain_of(item.get("domain", "")), item.get("name", ""))
        if key in functions:
            raise invalid(f"the function '{key[1][:100]}' is there twice")
        functions[key] = _function(item, opsets)
    properties = {item.get("key", ""): item.get("value", "") for item in found.get("metadata_props", [])}
    producer = f"{found.get('producer_name', '')} {found.get('producer_version', '')}".strip()
    return Model(path, opsets, _graph(found["graph"]), functions, producer, properties)


def domain_of(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _view(path: Path) -> memoryview:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise too_large(f"it has {size:,} bytes, more than a protocol buffer may have")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _opsets(message: Message) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in message.get("opset_import", []):
        name, version = domain_of(item.get("domain", "")), item.get("version", 0)
        if found.setdefault(name, version) != version:
            raise invalid(f"it names two versions of the operators of '{name[:100]}'")
    return found


def _function(message: Message, opsets: Mapping[str, int]) -> Function:
    attributes = [_attribute(item) for item in message.get("attribute_proto", [])]
    return Function(
        tuple(message.get("input", [])),
        tuple(message.get("output", [])),
        {item.name: item for item in attributes},
        [_node(item) for item in message.get("node", [])],
        {**opsets, **_opsets(message)},
    )


def _graph(message: Message) -> Graph:
    constants: dict[str, TensorData | SparseData] = {}
    tensors = [_tensor(item) for item in message.get("initializer", [])]
    sparse = [_sparse(item) for item in message.get("sparse_initializer", [])]
    named = [(item.name, item) for item in tensors] + [(item.values.name, item) for item in sparse]
    for name, item in named:
        if not name:
            raise invalid("a constant has no name")
        if name in constants:
            raise invalid(f"the constant '{name[:100]}' is there twice")
        constants[name] = item
    return Graph(
        message.get("name", ""),
        [_node(item) for item in message.get("node", [])],
        constants,
        [_value(item) for item in message.get("input", [])],
        [_value(item) for item in message.get("output", [])],
    )


def _node(message: Message) -> Node:
    operator = message.get("op_type", "")
    if not operator:
        raise invalid(f"the node '{message.get('name', '')[:100]}' has no operator")
    attributes: dict[str, Attribute] = {}
    for item in map(_attribute, message.get("attribute", [])):
        if item.name in attributes:
            raise invalid(f"a node of the operator {operator[:100]} has the attribute '{item.name[:100]}' twice")
        attributes[item.name] = item
    inputs, outputs = tuple(message.get("input", [])), tuple(message.get("output", []))
    return Node(operator, domain_of(message.get("domain", "")), message.get("name", ""), inputs, outputs, attributes)


def _attribute(message: Message) -> Attribute:
    name = message.get("name", "")
    if not name:
        raise invalid("an attribute has no name")
    present = [number for number, (key, _) in _ATTRIBUTES.items() if key in message]
    number = message.get("type", 0) or (present[0] if len(present) == 1 else 0)
    if reference := message.get("ref_attr_name", ""):
        return Attribute(name, _ATTRIBUTES.get(number, ("", ""))[1], None, reference)
    if number not in _ATTRIBUTES or any(item != number for item in present):
        raise invalid(f"the attribute '{name[:100]}' has another type than its value")
    key, kind = _ATTRIBUTES[number]
    value = message.get(key, [] if kind.endswith("s") or kind == "sparse list" else None)
    if value is None and kind in ("int", "float", "text"):  # the default of protocol buffers may be left out
        value = {"int": 0, "float": 0.0, "text": b""}[kind]
    if value is None:
        raise invalid(f"the attribute '{name[:100]}' has no value")
    return Attribute(name, kind, _converted(kind, value))


def _converted(kind: str, value: Any) -> Any:
    if kind == "text":
        return bytes(value).decode(errors="replace")
    if kind == "texts":
        return [bytes(item).decode(errors="replace") for item in value]
    if kind in ("tensor", "graph", "sparse"):
        return {"tensor": _tensor, "graph": _graph, "sparse": _sparse}[kind](value)
    if kind in ("tensors", "graphs"):
        return [{"tensors": _tensor, "graphs": _graph}[kind](item) for item in value]
    return value


def _value(message: Message) -> ValueType:
    name = message.get("name", "")
    tensor = message.get("type", {}).get("tensor")
    if tensor is None:
        return ValueType(name, 0, None)
    shape = tensor.get("shape")
    dims = None if shape is None else tuple(_dimension(item, name) for item in shape.get("dim", []))
    if dims is not None and len(dims) > MOST_RANK:
        raise invalid(f"'{name[:100]}' has {len(dims)} dimensions")
    return ValueType(name, tensor.get("elem_type", 0), dims)


def _dimension(message: Message, name: str) -> int | str | None:
    if "dim_value" in message:
        if message["dim_value"] < 0:  # some writers mean an unknown size
            if message["dim_value"] == -1:
                return None
            raise invalid(f"'{name[:100]}' has the size {message['dim_value']}")
        return int(message["dim_value"])
    return str(message["dim_param"]) if message.get("dim_param") else None


def _sparse(message: Message) -> SparseData:
    if "values" not in message or "indices" not in message:
        raise bad_type("A sparse tensor of the ONNX file has no values or no indices")
    return SparseData(_tensor(message["values"]), _tensor(message["indices"]), tuple(message.get("dims", [])))


def _tensor(message: Message) -> TensorData:
    name = message.get("name", "")
    if "segment" in message:
        raise bad_type(f"The tensor '{name[:100]}' of the ONNX file is in segments, which no writer makes")
    external = None
    if message.get("data_location", 0) == 1:
        external = {item.get("key", ""): item.get("value", "") for item in message.get("external_data", [])}
    kinds = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
    lists = {key: message[key] for key in kinds if key in message}
    dims = tuple(message.get("dims", []))
    return TensorData(name, message.get("data_type", 0), dims, message.get("raw_data"), lists, external)
