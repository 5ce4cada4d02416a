"""ONNX files that no writer makes: damaged, cyclic, huge, or reaching for other files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.attacks.hostile.canary import Hostile
from tests.importer.onnx import graphs
from tests.importer.onnx.graphs import FLOAT, INT64, model, node

Change = Callable[[onnx.ModelProto], None]


def varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def field(number: int, data: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def _plain(change: Change | None = None) -> bytes:
    made = graphs.classifier()
    if change:
        change(made)
    return made.SerializeToString()


def _nodes(*nodes: onnx.NodeProto, **constants: Any) -> bytes:
    return model(nodes, [("x", FLOAT, [2, 3])], [("y", FLOAT, None)], constants).SerializeToString()


def _deep() -> bytes:
    """Graphs in attributes of nodes of graphs, 2,000 times."""
    inner = b""
    for _ in range(2000):
        inner = field(1, field(5, field(1, b"body") + field(6, inner) + varint(20 << 3) + b"\5") + field(4, b"If"))
    return varint(1 << 3) + b"\10" + field(7, inner) + field(8, varint(2 << 3) + b"\22")


def _tensor(**changes: Any) -> bytes:
    tensor = TensorProto(name="w", dims=changes.get("dims", [4, 2]), data_type=changes.get("dtype", 1))
    tensor.raw_data = changes.get("raw", b"\0" * 32)
    made = model([node("Identity", ["w"], ["y"])], [], [("y", FLOAT, None)])
    made.graph.initializer.append(tensor)
    return made.SerializeToString()


def _list_cut_off() -> bytes:
    """A packed list with the first byte of a number alone."""
    made = onnx.ModelProto.FromString(_tensor())
    made.graph.ClearField("initializer")
    tensor = TensorProto(name="w", dims=[0], data_type=7).SerializeToString() + field(7, b"\x80")
    graph = made.graph.SerializeToString() + field(5, tensor)
    made.ClearField("graph")
    return made.SerializeToString() + field(7, graph)


def external(location: str, **more: str) -> bytes:
    made = onnx.ModelProto.FromString(_tensor())
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)
    return made.SerializeToString()


def _set_opset(version: int) -> Change:
    def change(made: onnx.ModelProto) -> None:
        made.opset_import[0].version = version

    return change


def _twice(made: onnx.ModelProto) -> None:
    made.graph.node.append(made.graph.node[0])


def _constant_twice(made: onnx.ModelProto) -> None:
    made.graph.initializer.append(made.graph.initializer[0])


def _wrong_type(made: onnx.ModelProto) -> None:
    made.graph.node[0].attribute[0].type = onnx.AttributeProto.FLOAT


def _negative(made: onnx.ModelProto) -> None:
    made.graph.input[0].type.tensor_type.shape.dim[1].dim_value = -7


def _huge_input(made: onnx.ModelProto) -> None:
    made.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 40


def _text_input(made: onnx.ModelProto) -> None:
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING


def _calls_itself() -> bytes:
    made = model([node("f", ["x"], ["y"], domain="d")], [("x", FLOAT, [1])], [("y", FLOAT, None)], domains={"d": 1})
    body = [node("f", ["a"], ["b"], domain="d")]
    made.functions.append(helper.make_function("d", "f", ["a"], ["b"], body, made.opset_import))
    return made.SerializeToString()


def _without_end() -> bytes:
    body = helper.make_graph(
        [node("Identity", ["going"], ["on"]), node("Add", ["state", "state"], ["next"])],
        "body",
        [helper.make_tensor_value_info("round", INT64, []), helper.make_tensor_value_info("going", graphs.BOOL, []),
         helper.make_tensor_value_info("state", FLOAT, None)],
        [helper.make_tensor_value_info("on", graphs.BOOL, []), helper.make_tensor_value_info("next", FLOAT, None)],
    )  # fmt: skip
    return _nodes(node("Loop", ["", "yes", "x"], ["y"], body=body), yes=np.array(True))


def _functions_doubling() -> bytes:
    """Forty functions of which each calls the one before it twice."""
    made = model([node("f39", ["x"], ["y"], domain="d")], [("x", FLOAT, [1])], [("y", FLOAT, None)], domains={"d": 1})
    for index in range(40):
        inner = f"f{index - 1}" if index else "Relu"
        domain = {"domain": "d"} if index else {}
        body = [node(inner, ["a"], ["b"], **domain), node(inner, ["b"], ["c"], **domain)]
        made.functions.append(helper.make_function("d", f"f{index}", ["a"], ["c"], body, made.opset_import))
    return made.SerializeToString()


def _ifs_doubling() -> bytes:
    """Forty branches inside of each other, each of which computes the inner one twice."""
    inner = [node("Identity", ["x"], ["r0"])]
    for index in range(1, 24):
        branches = {
            name: helper.make_graph(
                [*inner, node("Identity", [f"r{index - 1}"], [f"{name}{index}"])],
                name, [], [helper.make_tensor_value_info(f"{name}{index}", FLOAT, None)],
            )
            for name in ("then_branch", "else_branch")
        }  # fmt: skip
        inner = [node("If", ["yes"], [f"r{index}"], **branches)]
        if sum(len(item.SerializeToString()) for item in inner) > 2_000_000:
            break
    last = inner[-1].output[0]
    made = model([*inner, node("Identity", [last], ["y"])], [("x", FLOAT, [1]), ("yes", graphs.BOOL, [])],
                 [("y", FLOAT, None)])  # fmt: skip
    return made.SerializeToString()


def _external_again_and_again() -> bytes:
    """Twenty thousand tensors of 32 MB whose bytes are the same place of one file."""
    made = onnx.ModelProto.FromString(external("net.onnx.data"))
    first = made.graph.initializer[0]
    first.dims[0] = 1 << 22
    for index in range(20_000):
        made.graph.initializer.append(first)
        made.graph.initializer[-1].name = f"w{index}"
    return made.SerializeToString()


def _doubling() -> bytes:
    """A constant that becomes twice as large forty times."""
    steps = [node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], axis=0) for i in range(40)]
    return _nodes(*steps, node("Identity", ["t40"], ["y"]), t0=np.ones(1 << 12, np.float32))


def _doubling_input() -> bytes:
    """An input that becomes twice as large forty times."""
    return _nodes(
        node("Concat", ["x", "x"], ["t0"], axis=0),
        *(node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], axis=0) for i in range(39)),
        node("Identity", ["t39"], ["y"]),
    )


FILES: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "truncated": (_plain()[:-100], "ONNX_DAMAGED"),
    "truncated_in_a_number": (_plain()[:-1] + b"\xff", "ONNX_DAMAGED"),
    "long_number": (_plain() + varint(5 << 3) + b"\xff" * 11, "ONNX_DAMAGED"),
    "without_a_graph": (varint(1 << 3) + b"\10" + field(8, varint(2 << 3) + b"\22"), "ONNX_DAMAGED"),
    "two_graphs": (_plain() + field(7, b""), "ONNX_DAMAGED"),
    "wrong_wire_type": (_plain() + varint(7 << 3) + b"\1", "ONNX_DAMAGED"),
    "unknown_field": (_plain() + field(99, b"?"), "ONNX_UNKNOWN_FIELD"),
    "name_that_is_not_text": (field(7, field(2, b"\xff")), "ONNX_DAMAGED"),
    "deep": (_deep, "ONNX_TOO_LARGE"),
    "many_fields": (lambda: varint(1 << 3) + b"\10" + field(7, field(13, b"") * 1_500_000), "ONNX_TOO_LARGE"),
    "many_numbers": (lambda: _tensor(dims=[1] * 5_000_000), "ONNX_TOO_LARGE"),
    "opset_of_the_future": (_plain(_set_opset(99)), "ONNX_OPSET_UNSUPPORTED"),
    "opset_of_the_past": (_plain(_set_opset(3)), "ONNX_OPSET_UNSUPPORTED"),
    "node_twice": (_plain(_twice), "ONNX_GRAPH_INVALID"),
    "constant_twice": (_plain(_constant_twice), "ONNX_GRAPH_INVALID"),
    "wrong_attribute_type": (_plain(_wrong_type), "ONNX_GRAPH_INVALID"),
    "negative_size": (_plain(_negative), "ONNX_GRAPH_INVALID"),
    "huge_input": (_plain(_huge_input), "ONNX_TENSOR_INVALID"),
    "text_input": (_plain(_text_input), "ONNX_TYPE_UNSUPPORTED"),
    "made_by_nothing": (_nodes(node("Relu", ["nothing"], ["y"])), "ONNX_GRAPH_INVALID"),
    "cycle": (_nodes(node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["a"], ["y"])),
              "ONNX_GRAPH_CYCLIC"),
    "takes_its_own_result": (_nodes(node("Add", ["x", "y"], ["y"])), "ONNX_GRAPH_CYCLIC"),
    "function_calls_itself": (_calls_itself(), "ONNX_GRAPH_CYCLIC"),
    "negative_dims": (_tensor(dims=[-4, -2]), "ONNX_TENSOR_INVALID"),
    "huge_dims": (_tensor(dims=[1 << 40, 1 << 40]), "ONNX_TENSOR_INVALID"),
    "huge_dims_and_zero": (_tensor(dims=[0, 1 << 62], raw=b""), "ONNX_TENSOR_INVALID"),
    "list_cut_off": (_list_cut_off, "ONNX_DAMAGED"),
    "other_size": (_tensor(dims=[9]), "ONNX_TENSOR_INVALID"),
    "unknown_dtype": (_tensor(dtype=77), "ONNX_TENSOR_INVALID"),
    "external_missing": (external("net.onnx.data"), "ONNX_EXTERNAL_DATA_MISSING"),
    "external_above": (external("../net.onnx.data"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "external_absolute": (external("/etc/hostname"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "external_other_name": (external("other.bin"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "external_itself": (external("net.onnx"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "loop_without_end": (_without_end, "ONNX_TOO_LARGE"),
    "doubling": (_doubling, "ONNX_TOO_LARGE"),
    "doubling_input": (_doubling_input, "ONNX_TOO_LARGE"),
    "functions_doubling": (_functions_doubling, "ONNX_TOO_LARGE"),
    "ifs_doubling": (_ifs_doubling, ""),
    "external_again_and_again": (_external_again_and_again, ""),
    "external_offset_negative": (external("net.onnx.data", offset="-8"), ""),
    "external_offset_long": (external("net.onnx.data", offset="9" * 5000), ""),
    "external_dots": (external("./././net.onnx.data"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "external_zero": (external("net.onnx.data\0/../../x"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "external_device": (external("net.onnx.data:stream"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "external_web": (external("http://127.0.0.1:9/net.onnx.data"), "ONNX_EXTERNAL_DATA_REFUSED"),
    "huge_range": (_nodes(node("Range", ["a", "b", "c"], ["y"]), a=np.array(0), b=np.array(1 << 40), c=np.array(1)),
                   "ONNX_TOO_LARGE"),
    "huge_tile": (_nodes(node("Tile", ["w", "r"], ["y"]), w=np.ones((4, 4), np.float32),
                         r=np.array([1 << 20, 1 << 20])), "ONNX_TOO_LARGE"),
    "huge_expand": (_nodes(node("Expand", ["w", "s"], ["y"]), w=np.ones((1, 1), np.float32),
                           s=np.array([1 << 20, 1 << 20])), ""),
    "huge_pad": (_nodes(node("Pad", ["w", "p"], ["y"]), w=np.ones((2, 2), np.float32),
                        p=np.array([0, 0, 1 << 40, 1 << 40])), ""),
    "huge_one_hot": (_nodes(node("OneHot", ["i", "d", "v"], ["y"]), i=np.zeros((1 << 16,), np.int64),
                            d=np.array(1 << 40), v=np.array([0.0, 1.0], np.float32)), ""),
    "huge_resize": (_nodes(node("Resize", ["w", "", "s"], ["y"], mode="nearest"), w=np.ones((1, 1, 4, 4), np.float32),
                           s=np.array([1, 1, 1e6, 1e6], np.float32)), ""),
    "huge_constant": (_nodes(node("ConstantOfShape", ["s"], ["y"]), s=np.array([1 << 20, 1 << 20], np.int64)),
                      "ONNX_TOO_LARGE"),
    "huge_broadcast": (_nodes(node("MatMul", ["a", "b"], ["y"]), a=np.ones((1 << 17, 1), np.float32),
                              b=np.ones((1, 1 << 17), np.float32)), "ONNX_TOO_LARGE"),
    "negative_constant": (_nodes(node("ConstantOfShape", ["s"], ["y"]), s=np.array([-5], np.int64)), "ONNX_NODE_FAILS"),
    "gather_outside": (_nodes(node("Gather", ["w", "i"], ["y"]), w=np.ones((2, 2), np.float32), i=np.array([1 << 40])),
                       "ONNX_NODE_FAILS"),
    "operator_unknown": (_nodes(node("os.system", ["x"], ["y"])), "ONNX_OPERATOR_UNSUPPORTED"),
    "too_few_inputs": (_nodes(node("Conv", ["x"], ["y"])), "ONNX_NODE_FAILS"),
}  # fmt: skip


WITH_DATA = ("external_again_and_again", "external_offset_negative", "external_offset_long", "external_dots")


def data_of(name: str) -> bytes:
    made = FILES[name][0]
    return made if isinstance(made, bytes) else made()


def files() -> Iterator[Hostile]:
    def write(name: str, path: Path, canary: Path) -> None:
        path.write_bytes(data_of(name))
        if name in WITH_DATA:
            beside = path.with_name("net.onnx.data")
            beside.write_bytes(b"\0" * 32)
            os.truncate(beside, 32 << 20)

    for name, (_, code) in FILES.items():
        # The data of another model's name is refused before it is looked for.
        codes = [code, "ONNX_EXTERNAL_DATA_REFUSED"] if name == "external_missing" else [code] if code else []
        file_name = "net.onnx" if name in WITH_DATA else ""
        yield Hostile(f"onnx_{name}", ".onnx", partial(write, name), {}, frozenset(codes), file_name)
