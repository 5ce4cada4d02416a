"""Small ONNX files, made with the package `onnx`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
Port = tuple[str, int, Sequence[int | str | None]]


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, outputs, name=f"{operator}_{outputs[0]}", **attributes)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    constants: dict[str, Any] | None = None,
    opset: int = 18,
    domains: dict[str, int] | None = None,
) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    ports = [[helper.make_tensor_value_info(*port) for port in group] for group in (inputs, outputs)]
    graph = helper.make_graph(list(nodes), "net", ports[0], ports[1], tensors)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(*item) for item in (domains or {}).items())]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def write(made: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(made.SerializeToString())
    return path


def random(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def classifier() -> onnx.ModelProto:
    """Convolution, normalization, pool and a linear layer; the batch is open."""
    nodes = [
        node("Conv", ["image", "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", ["c", "scale", "b", "mean", "variance"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("GlobalAveragePool", ["r"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "w2", "b2"], ["logits"], transB=1),
        node("Softmax", ["logits"], ["class/probabilities"], axis=-1),
    ]
    constants = {
        "w": random(4, 3, 3, 3), "b": random(4), "scale": random(4, seed=1), "mean": random(4, seed=2),
        "variance": np.abs(random(4, seed=3)) + 0.5, "w2": random(5, 4), "b2": random(5),
    }  # fmt: skip
    return model(nodes, [("image", FLOAT, ["N", 3, 12, 12])], [("class/probabilities", FLOAT, ["N", 5])], constants)


def reshaping() -> onnx.ModelProto:
    """As exporters write `x.reshape(x.shape[0], -1)`: the shape is computed from the input."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["first"], axis=0),
        node("Unsqueeze", ["first", "axes"], ["rows"]),
        node("Concat", ["rows", "rest"], ["wanted"], axis=0),
        node("Reshape", ["x", "wanted"], ["flat"]),
        node("MatMul", ["flat", "w"], ["y"]),
    ]
    constants = {
        "zero": np.array(0, np.int64), "axes": np.array([0], np.int64), "rest": np.array([-1], np.int64),
        "w": random(12, 3),
    }  # fmt: skip
    return model(nodes, [("x", FLOAT, ["batch", 3, 4])], [("y", FLOAT, ["batch", 3])], constants)


def recurrent(kind: str, direction: str = "forward", **attributes: Any) -> onnx.ModelProto:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    count = 2 if direction == "bidirectional" else 1
    constants = {
        "w": random(count, gates * 6, 5), "r": random(count, gates * 6, 6, seed=1) * 0.5,
        "b": random(count, gates * 12, seed=2),
    }  # fmt: skip
    made = node(kind, ["x", "w", "r", "b"], ["y", "last"], hidden_size=6, direction=direction, **attributes)
    outputs: list[Port] = [("y", FLOAT, [7, count, 2, 6]), ("last", FLOAT, [count, 2, 6])]
    return model([made], [("x", FLOAT, [7, 2, 5])], outputs, constants, 14)


def branches() -> onnx.ModelProto:
    """An If whose condition is a constant, and a Loop of three rounds."""
    then = helper.make_graph([node("Add", ["x", "one"], ["a"])], "then", [], [_port("a")])
    other = helper.make_graph([node("Sub", ["x", "one"], ["s"])], "else", [], [_port("s")])
    body = helper.make_graph(
        [node("Mul", ["state", "half"], ["next"]), node("Identity", ["going"], ["on"])],
        "body",
        [helper.make_tensor_value_info("round", INT64, []), helper.make_tensor_value_info("going", BOOL, []),
         _port("state")],
        [helper.make_tensor_value_info("on", BOOL, []), _port("next")],
    )  # fmt: skip
    nodes = [
        node("If", ["yes"], ["chosen"], then_branch=then, else_branch=other),
        node("Loop", ["rounds", "yes", "chosen"], ["y"], body=body),
    ]
    constants = {
        "yes": np.array(True), "one": np.ones(1, np.float32), "half": np.array([0.5], np.float32),
        "rounds": np.array(3, np.int64),
    }  # fmt: skip
    return model(nodes, [("x", FLOAT, [2, 3])], [("y", FLOAT, [2, 3])], constants)


def quantized() -> onnx.ModelProto:
    """A linear layer as onnxruntime's static quantizer writes it: uint8 activations, int8 weights by channel."""
    weight = random(8, 6)
    scale = (np.abs(weight).max(0) / 127).astype(np.float32)
    constants = {
        "w": np.round(weight / scale).astype(np.int8), "ws": scale, "wz": np.zeros(6, np.int8),
        "xs": np.array(0.03, np.float32), "xz": np.array(128, np.uint8),
        "ys": np.array(0.1, np.float32), "yz": np.array(120, np.uint8), "b": random(6),
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=1),
        node("MatMul", ["xd", "wd"], ["m"]),
        node("Add", ["m", "b"], ["a"]),
        node("QuantizeLinear", ["a", "ys", "yz"], ["aq"]),
        node("DequantizeLinear", ["aq", "ys", "yz"], ["y"]),
    ]
    return model(nodes, [("x", FLOAT, [4, 8])], [("y", FLOAT, [4, 6])], constants)


def quantized_residual(weights: str = "int8") -> onnx.ModelProto:
    """Two convolutions as onnxruntime's quantizer writes them; the first one's result is taken twice."""
    zero = 0 if weights == "int8" else 131
    constants: dict[str, Any] = {"s": np.array(0.05, np.float32), "z": np.array(-3, np.int8)}
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["xq"]), node("DequantizeLinear", ["xq", "s", "z"], ["d0"])]
    for index in range(2):
        steps = np.clip(np.round(random(4, 4, 3, 3, seed=index) * 40) + zero, *((-127, 127) if zero == 0 else (0, 255)))
        constants |= {f"w{index}": steps.astype(weights), f"ws{index}": np.array(0.01, np.float32)}
        constants |= {f"wz{index}": np.array(zero, weights), f"b{index}": random(4, seed=index)}
        nodes += [
            node("DequantizeLinear", [f"w{index}", f"ws{index}", f"wz{index}"], [f"wd{index}"]),
            node("Conv", [f"d{index}", f"wd{index}", f"b{index}"], [f"c{index}"], pads=[1, 1, 1, 1]),
            node("QuantizeLinear", [f"c{index}", "s", "z"], [f"q{index}"]),
            node("DequantizeLinear", [f"q{index}", "s", "z"], [f"d{index + 1}"]),
        ]
    nodes += [
        node("Add", ["d1", "d2"], ["sum"]),
        node("QuantizeLinear", ["sum", "s", "z"], ["yq"]),
        node("DequantizeLinear", ["yq", "s", "z"], ["y"]),
    ]
    return model(nodes, [("x", FLOAT, [1, 4, 8, 8])], [("y", FLOAT, [1, 4, 8, 8])], constants)


def quantized_lstm() -> onnx.ModelProto:
    """As onnxruntime's dynamic quantizer writes it, whose weights are turned."""
    constants: dict[str, Any] = {}
    for name, size in (("w", 5), ("r", 8)):
        constants[name] = np.random.default_rng(size).integers(-100, 100, (1, size, 32)).astype(np.int8)
        constants[f"{name}s"], constants[f"{name}z"] = np.array([0.005], np.float32), np.zeros(1, np.int8)
    names = ["x", "w", "r", "", "", "", "", "", "ws", "wz", "rs", "rz"]
    made = node("DynamicQuantizeLSTM", names, ["y", "last"], domain="com.microsoft", hidden_size=8)
    outputs: list[Port] = [("y", FLOAT, [6, 1, 1, 8]), ("last", FLOAT, [1, 1, 8])]
    return model([made], [("x", FLOAT, [6, 1, 5])], outputs, constants, domains={"com.microsoft": 1})


def dynamically_quantized(zero: int = 0, as_one: bool = False, rows: int = 4) -> onnx.ModelProto:
    """Two linear layers as onnxruntime's dynamic quantizer writes them, or as its optimizer does (`as_one`)."""
    nodes, constants, before = [], {}, "x"
    for index, (inputs, outputs) in enumerate([(32, 24), (24, 6)]):
        weight = random(inputs, outputs)
        scale = np.array(np.abs(weight).max() / 100, np.float32)
        w, s, z, b = (f"{name}{index}" for name in ("w", "s", "z", "b"))
        numbers = (np.round(weight / scale) + zero).astype(np.int8)
        constants |= {w: numbers, s: scale, z: np.array(zero, np.int8), b: random(outputs)}
        made = f"m{index}"
        if as_one:
            nodes.append(node("DynamicQuantizeMatMul", [before, w, s, z], [made], domain="com.microsoft"))
        else:
            steps, step, middle = (f"{before}_{name}" for name in ("steps", "step", "middle"))
            nodes += [
                node("DynamicQuantizeLinear", [before], [steps, step, middle]),
                node("MatMulInteger", [steps, w, middle, z], [f"i{index}"]),
                node("Cast", [f"i{index}"], [f"f{index}"], to=FLOAT),
                node("Mul", [step, s], [f"ss{index}"]),
                node("Mul", [f"f{index}", f"ss{index}"], [made]),
            ]
        nodes.append(node("Add", [made, b], [f"a{index}"]))
        if index == 0:
            nodes.append(node("Relu", ["a0"], ["h"]))
            before = "h"
    return model(nodes, [("x", FLOAT, [rows, 32])], [("a1", FLOAT, [rows, 6])], constants)


def _port(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, FLOAT, None)


def policy() -> onnx.ModelProto:
    """As ML-Agents exports a policy with memory: two constants among its outputs."""
    nodes = [
        node("Identity", ["three"], ["version_number"]),
        node("Identity", ["size"], ["memory_size"]),
        node("MatMul", ["obs_0", "w"], ["seen"]),
        node("Squeeze", ["recurrent_in", "axis"], ["memory"]),
        node("MatMul", ["memory", "u"], ["remembered"]),
        node("Add", ["seen", "remembered"], ["sum"]),
        node("Tanh", ["sum"], ["new"]),
        node("MatMul", ["new", "v"], ["logits"]),
        node("Mul", ["logits", "action_masks"], ["discrete_action_output"]),
        node("Unsqueeze", ["new", "axis"], ["recurrent_out"]),
    ]
    constants = {
        "three": np.array([3.0], np.float32), "size": np.array([6.0], np.float32), "axis": np.array([1], np.int64),
        "w": random(4, 6), "u": random(6, 6, seed=1), "v": random(6, 3, seed=2),
    }  # fmt: skip
    inputs: list[Port] = [
        ("obs_0", FLOAT, ["batch", 4]), ("action_masks", FLOAT, ["batch", 3]), ("recurrent_in", FLOAT, ["batch", 1, 6]),
    ]  # fmt: skip
    outputs: list[Port] = [
        ("version_number", FLOAT, [1]), ("memory_size", FLOAT, [1]),
        ("discrete_action_output", FLOAT, ["batch", 3]), ("recurrent_out", FLOAT, ["batch", 1, 6]),
    ]  # fmt: skip
    return model(nodes, inputs, outputs, constants)
