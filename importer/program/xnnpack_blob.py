"""The operators inside an XNNPACK delegate (`backends/xnnpack/serialization/schema.fbs`). Standard library only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from struct import Struct
from typing import Any

from importer.program.flatbuffer import Data, Malformed, Region, Table

# The union XNodeUnion, in its order; 0 is none. Behind the colon: the letter of its table's layout, below.
_NAMES = (
    "none:- add:2 fully_connected:f softmax:1 sigmoid:1 static_transpose:t clamp:1 conv2d:c div:2 "
    "static_resize_bilinear_2d:t static_constant_pad:p avg_pooling_2d:o minimum:2 depthwise_conv2d:c max_pooling_2d:o "
    "multiply:2 subtract:2 floor:1 convert:1 global_avg_pooling_2d:1 static_reshape:t arg_max_pooling_2d:a "
    "square_root:1 ceiling:1 hardswish:1 leaky_relu:e maximum:2 negate:1 square:1 elu:e abs:1 prelu:2 "
    "concatenate2:k concatenate3:k concatenate4:k static_slice:p scaled_dot_product_attention:s "
    "batch_matrix_multiply:2 concatenate5:k conv_transpose_2d:c reciprocal_square_root:1 log:1 gelu:1 tanh:1 exp:1 "
    "sin:1 copy:1 cos:1"
)
NODES = [name.partition(":")[0] for name in _NAMES.split()]
_LAYOUTS = [name.partition(":")[2] for name in _NAMES.split()]
# The numbers of the fields that hold ids of inputs, and of the output.
_FIELDS = {
    "1": ((0,), 1), "2": ((0, 1), 2), "f": ((0, 1, 2), 3), "t": ((2,), 3), "p": ((3,), 4), "e": ((1,), 2),
    "c": ((15, 16, 17), 18), "o": ((10,), 11), "a": ((6,), 7), "k": ((1, 2, 3, 4, 7), 5), "s": ((0, 1, 2, 3, 4), 5),
}  # fmt: skip
_CONCATENATES = {"concatenate2": 2, "concatenate3": 3, "concatenate4": 4, "concatenate5": 5}
_DTYPE_NAMES = (
    "invalid float32 float16 qint8 quint8 qint32 qcint8 qcint32 qcint4 qdint8 qbint4 qpint8 int32 pfp32 bfloat16"
)
_DTYPES = _DTYPE_NAMES.split()
_NO_VALUE = 0xFFFFFFFF
_BYTE, _U16, _U32, _HEADER = Struct("<B"), Struct("<h"), Struct("<I"), Struct("<4s4sHIIIQ")


@dataclass(frozen=True)
class Node:
    """An operator inside a delegate; ids are those of the delegate's own values. handle: ExecuTorch's debug handle."""

    operator: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    handle: int = 0


@dataclass(frozen=True)
class Value:
    """A tensor inside a delegate. dtype as XNNPACK names it: qcint8 is int8 with a scale for each channel."""

    dtype: str
    shape: tuple[int, ...]
    constant: bool


@dataclass(frozen=True)
class Graph:
    """What a delegate's blob holds. operators: how often each is there. constant_bytes: weights inside the blob.

    data_keys: names of weights that are kept outside of the blob, in the program or in a `.ptd`.
    """

    operators: dict[str, int]
    constant_bytes: int
    nodes: list[Node]
    values: dict[int, Value]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    data_keys: tuple[str, ...] = ()


def read(data: Data, begin: int, length: int, total: int) -> Graph:
    """Read a blob. Raises Malformed."""
    if begin + length > total or length < _HEADER.size:
        raise Malformed("a delegate's data does not fit into the file")
    _, magic, _, graph_offset, graph_size, constants_offset, constants = _HEADER.unpack_from(data, begin)
    if magic == b"XH00":
        if constants_offset + constants > length or graph_offset + graph_size > length:
            raise Malformed("an XNNPACK part names more bytes than it has")
        graph = Region(data, begin + graph_offset, graph_size, total).root()
    elif magic == b"XN01":
        graph, constants = Region(data, begin, length, total).root(), 0
    else:
        raise Malformed(f"an XNNPACK part begins with {magic!r}")
    nodes = [_node(node) for node in graph.tables(1)]
    found = Counter(node.operator for node in nodes)
    values = dict(value for item in graph.tables(2) if (value := _value(item)))
    keys = tuple(key for item in graph.tables(8) if (key := item.text(2)))
    operators = dict(sorted(found.items()))
    return Graph(operators, constants, nodes, values, graph.numbers(4, "I"), graph.numbers(5, "I"), keys)


def _node(item: Table) -> Node:
    kind = item.number(0, _BYTE)
    if kind >= len(NODES):
        return Node(f"node_{kind}", (), ())
    content = item.table(1)
    if content is None or _LAYOUTS[kind] not in _FIELDS:
        return Node(NODES[kind], (), ())
    fields, output = _FIELDS[_LAYOUTS[kind]]
    fields = fields[: _CONCATENATES.get(NODES[kind], len(fields))]
    inputs: list[Any] = [content.number(field, _U32) for field in fields]
    outputs = (content.number(output, _U32),)
    return Node(NODES[kind], tuple(value for value in inputs if value != _NO_VALUE), outputs, item.number(2, _U32))


def _value(item: Table) -> tuple[int, Value] | None:
    content = item.table(1)
    if content is not None and item.number(0, _BYTE) == 2:  # a quantized tensor wraps a plain one
        content = content.table(0)
    if content is None:
        return None
    code = content.number(0, _U16)
    dtype = _DTYPES[code] if 0 <= code < len(_DTYPES) else f"type_{code}"
    return content.number(6, _U32), Value(dtype, content.numbers(2, "I"), content.number(3, _U32) > 0)
