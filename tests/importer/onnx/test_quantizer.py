"""Files that onnxruntime's quantizer writes, and others with QuantizeLinear at other places, as programs of XNNPACK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from importer.cache.entry import Artifact
from tests.importer.conftest import Convert
from tests.importer.onnx.graphs import FLOAT, model, node, random, write
from tests.importer.onnx.test_as_onnxruntime import compare

quantization = pytest.importorskip("onnxruntime.quantization")
U8, S8, U16 = (quantization.QuantType[name] for name in ("QUInt8", "QInt8", "QUInt16"))
QDQ, OPERATORS = quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator
SHAPE = (1, 8, 12, 12)


def network() -> onnx.ModelProto:
    """As many channels as go in, so that a scale along the wrong axis would fit; and moves that take 8 bits."""
    nodes = [
        node("Pad", ["x", "pads"], ["padded"]),
        node("Conv", ["padded", "w0", "b0"], ["c0"], strides=[2, 2]),
        node("Relu", ["c0"], ["r0"]),
        node("Conv", ["r0", "w1", "b1"], ["c1"], pads=[1] * 4, group=8),
        node("Add", ["c1", "r0"], ["a"]),
        node("MaxPool", ["a"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        node("AveragePool", ["m"], ["v"], kernel_shape=[3, 3]),
        node("Transpose", ["v"], ["t"], perm=[0, 2, 3, 1]),
        node("Reshape", ["t", "shape"], ["f"]),
        node("MatMul", ["f", "w2"], ["p"]),
        node("Add", ["p", "b2"], ["s"]),
        node("Gemm", ["s", "w3", "b3"], ["y"], transB=1),
    ]
    growing = np.linspace(0.1, 2, 8, dtype=np.float32)
    constants = {
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "shape": np.array([1, 8]),
        "w0": (random(8, 8, 3, 3) + 0.5) * growing.reshape(8, 1, 1, 1) / 4, "w1": random(8, 1, 3, 3),
        "w2": (random(8, 8) + 0.5) * growing, "w3": (random(8, 8, seed=1) + 0.5) * growing.reshape(8, 1),
        **{f"b{index}": random(8, seed=index) for index in range(4)},
    }  # fmt: skip
    return model(nodes, [("x", FLOAT, SHAPE)], [("y", FLOAT, [1, 8])], constants, opset=13)


class Samples(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        self._left: Iterator[dict[str, Any]] = iter([{"x": random(*SHAPE, seed=seed)} for seed in range(6)])

    def get_next(self) -> dict[str, Any] | None:
        return next(self._left, None)


def quantized(folder: Path, **options: Any) -> Path:
    source, path = write(network(), folder / "float.onnx"), folder / "net.onnx"
    quantization.quantize_static(str(source), str(path), Samples(), **options)
    return path


def farthest(artifact: Artifact, path: Path, shape: tuple[int, ...]) -> float:
    """How far the program is from onnxruntime at most, relative to the largest value."""
    from executorch.extension.pybindings import _C

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(str(path), options)
    program = _C._load_program(str(artifact.payload)).load_method("forward")
    far, largest = 0.0, 0.0
    for seed in range(20):
        x = random(*shape, seed=100 + seed)
        (expected,) = session.run(None, {"x": x})
        (got,) = program.call([torch.from_numpy(x)])
        far = max(far, float(np.abs(got.numpy() - expected).max()))
        largest = max(largest, float(np.abs(expected).max()))
    return far / largest


@pytest.mark.parametrize("form", [QDQ, OPERATORS], ids=["qdq", "operators"])
@pytest.mark.parametrize(("weights", "per_channel"), [(U8, False), (U8, True), (S8, True)])
def test_unsigned_values_run_on_xnnpack(
    form: Any, weights: Any, per_channel: bool, tmp_path: Path, convert_file: Convert
) -> None:
    path = quantized(tmp_path, quant_format=form, activation_type=U8, weight_type=weights, per_channel=per_channel)
    artifact = convert_file(path)
    meta = artifact.metadata
    assert meta["recipe"] == "as_quantized" and meta["accuracy"]["reference"].startswith("onnxruntime")
    delegation = meta["methods"][0]["delegation"]
    assert delegation["share"] == 1.0, delegation["left_behind"]
    # onnxruntime's own forms of layers have weights around another number; those between quantizers only per tensor.
    has_floats = weights == U8 and not (form == QDQ and per_channel)
    assert any("around another number than 0" in note for note in meta["notes"]) == has_floats, meta["notes"]
    assert farthest(artifact, path, SHAPE) < 3 / 255


def test_16_bits_are_rounded_floats(tmp_path: Path, convert_file: Convert) -> None:
    options = {"UseQDQContribOps": True}
    path = quantized(tmp_path, activation_type=U16, weight_type=S8, extra_options=options)
    artifact = convert_file(path)
    meta = artifact.metadata
    assert any("with 16 bits" in note for note in meta["notes"])
    assert {item["operator"] for item in meta["methods"][0]["delegation"]["left_behind"]} == {"aten::round.out"}
    assert farthest(artifact, path, SHAPE) < 1e-3


def test_quantizers_before_layers_only(tmp_path: Path, convert_file: Convert) -> None:
    """The last layer's result, and what an addition takes, are not rounded: XNNPACK has no such int8 layers."""
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, Any] = {"z": np.array(0, np.int8), "s": np.array(0.04, np.float32)}

    def rounded(name: str) -> str:
        nodes.append(node("QuantizeLinear", [name, "s", "z"], [f"{name}_q"]))
        nodes.append(node("DequantizeLinear", [f"{name}_q", "s", "z"], [f"{name}_d"]))
        return f"{name}_d"

    def weights(name: str, value: Any) -> str:
        scale = np.abs(value).reshape(len(value), -1).max(1) / 127
        constants.update({name: value, f"{name}_s": scale, f"{name}_z": np.zeros(len(value), np.int8)})
        nodes.append(node("QuantizeLinear", [name, f"{name}_s", f"{name}_z"], [f"{name}_q"], axis=0))
        nodes.append(node("DequantizeLinear", [f"{name}_q", f"{name}_s", f"{name}_z"], [f"{name}_d"], axis=0))
        return f"{name}_d"

    nodes.append(node("Conv", [rounded("x"), weights("w0", random(8, 3, 3, 3) / 3)], ["c0"], pads=[1] * 4))
    nodes.append(node("Relu", ["c0"], ["r0"]))
    nodes.append(node("Conv", [rounded("r0"), weights("w1", random(8, 8, 3, 3) / 5)], ["c1"], pads=[1] * 4))
    nodes += [node("Add", ["c1", "c1"], ["a"]), node("GlobalAveragePool", ["a"], ["g"]), node("Flatten", ["g"], ["f"])]
    first, second = rounded("f"), weights("w2", random(200, 8))
    nodes += [node("Transpose", [second], ["wt"], perm=[1, 0]), node("MatMul", [first, "wt"], ["y"])]
    path = write(model(nodes, [("x", FLOAT, [1, 3, 8, 8])], [("y", FLOAT, [1, 200])], constants), tmp_path / "net.onnx")
    artifact = convert_file(path)
    meta = artifact.metadata
    assert meta["recipe"] == "as_quantized" and meta["methods"][0]["delegation"]["share"] == 1.0
    assert any("input or result is not" in note for note in meta["notes"]), meta["notes"]
    assert farthest(artifact, path, (1, 3, 8, 8)) < 2 / 255


@pytest.mark.parametrize("weights", ["int8", "uint8"])
def test_a_scale_and_a_zero_for_each_output(weights: str, tmp_path: Path) -> None:
    """QLinearConv and QLinearMatMul with square weights: their scales are along the first and the last axis."""
    draw = np.random.default_rng(0)
    limits = (-100, 100) if weights == "int8" else (20, 220)
    constants: dict[str, Any] = {
        "s": np.array(0.03, np.float32), "z": np.array(120, np.uint8), "ys": np.array(0.2, np.float32),
        "w": draw.integers(*limits, (6, 6, 1, 1)).astype(weights), "m": draw.integers(*limits, (6, 6)).astype(weights),
        "ws": np.linspace(0.002, 0.02, 6, dtype=np.float32),
        "wz": (np.arange(6) * 3 + (100 if weights == "uint8" else 0)).astype(weights), "shape": np.array([4, 6]),
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        node("QLinearConv", ["xq", "s", "z", "w", "ws", "wz", "ys", "z"], ["c"]),
        node("Reshape", ["c", "shape"], ["r"]),
        node("QLinearMatMul", ["r", "ys", "z", "m", "ws", "wz", "ys", "z"], ["p"]),
        node("DequantizeLinear", ["p", "ys", "z"], ["y"]),
    ]
    made = model(nodes, [("x", FLOAT, [1, 6, 2, 2])], [("y", FLOAT, [4, 6])], constants, opset=13)
    compare(made, {"x": random(1, 6, 2, 2)}, tmp_path / "net.onnx")


@pytest.mark.parametrize(("dtype", "name"), [(TensorProto.UINT8, "uint8"), (TensorProto.INT8, "int8")])
def test_a_model_that_takes_and_returns_8_bits(dtype: int, name: str, tmp_path: Path, convert_file: Convert) -> None:
    constants = {
        "s": np.array(0.02, np.float32), "z": np.array(100, name), "ws": np.array(0.01, np.float32),
        "w": np.random.default_rng(0).integers(-127, 127, (5, 16)).astype(np.int8), "wz": np.array(0, np.int8),
    }  # fmt: skip
    nodes = [
        node("DequantizeLinear", ["x", "s", "z"], ["d"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]),
        node("Gemm", ["d", "wd"], ["g"], transB=1),
        node("QuantizeLinear", ["g", "s", "z"], ["y"]),
    ]
    path = write(model(nodes, [("x", dtype, [4, 16])], [("y", dtype, [4, 5])], constants), tmp_path / "net.onnx")
    (method,) = convert_file(path).metadata["methods"]
    assert method["inputs"][0]["dtype"] == method["outputs"][0]["dtype"] == name
    assert method["delegates"], method["operators"]
