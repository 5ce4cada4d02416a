"""The operators inside an XNNPACK delegate (`backends/xnnpack/serialization/schema.fbs`). Standard library only."""

from __future__ import annotations

from collections import Counter
from struct import Struct

from importer.flatbuffer import Data, Malformed, Region

# The union XNodeUnion, in its order; 0 is none.
_NAMES = (
    "none add fully_connected softmax sigmoid static_transpose clamp conv2d div static_resize_bilinear_2d "
    "static_constant_pad avg_pooling_2d minimum depthwise_conv2d max_pooling_2d multiply subtract floor convert "
    "global_avg_pooling_2d static_reshape arg_max_pooling_2d square_root ceiling hardswish leaky_relu maximum negate "
    "square elu abs prelu concatenate2 concatenate3 concatenate4 static_slice scaled_dot_product_attention "
    "batch_matrix_multiply concatenate5 conv_transpose_2d reciprocal_square_root log gelu tanh exp sin copy cos"
)
NODES = _NAMES.split()
_BYTE, _HEADER = Struct("<B"), Struct("<4s4sHIIIQ")


def read(data: Data, begin: int, length: int, total: int) -> tuple[dict[str, int], int]:
    """Operator -> how often, and the bytes of constants in the blob. Raises Malformed."""
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
    found: Counter[str] = Counter()
    for node in graph.tables(1):
        kind = node.number(0, _BYTE)
        found[NODES[kind] if kind < len(NODES) else f"node_{kind}"] += 1
    return dict(sorted(found.items())), constants
