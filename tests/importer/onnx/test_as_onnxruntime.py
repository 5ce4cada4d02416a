"""Single operators whose results depend on a convention, in PyTorch, compared with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from importer.sources.onnx.file.model_file import read_model
from importer.sources.onnx.module import OnnxModule
from tests.importer.onnx.graphs import FLOAT, INT64, model, node, random, write

Feeds = dict[str, np.ndarray[Any, Any]]


def compare(made: onnx.ModelProto, feeds: Feeds, path: Path) -> None:
    made.ir_version = 10
    write(made, path)
    expected = onnxruntime.InferenceSession(str(path)).run(None, feeds)
    got = OnnxModule(read_model(path), True).probe(tuple(map(torch.from_numpy, feeds.values())))
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=1e-4, atol=1e-4)


COORDINATES = ("half_pixel", "half_pixel_symmetric", "asymmetric", "align_corners", "pytorch_half_pixel")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize(
    ("old", "scale"), [(9, 0.6), (7, 1.7), (24, 65 / 24), (20, 12 / 20), (6, 2.0), (8, 0.5), (13, 1.7)]
)
def test_resize(coordinates: str, old: int, scale: float, tmp_path: Path) -> None:
    """Scales between whole numbers: which elements are taken depends on float32 arithmetic."""
    constants = {"scales": np.array([1, 1, 1, scale], np.float32)}
    ports = [("x", FLOAT, [1, 1, 2, old])], [("y", FLOAT, None)]
    modes = [("linear", "floor"), ("cubic", "floor"), *(("nearest", rounding) for rounding in ROUNDINGS)]
    for mode, rounding in modes:
        made = node(
            "Resize", ["x", "", "scales"], ["y"], mode=mode, coordinate_transformation_mode=coordinates,
            nearest_mode=rounding,
        )  # fmt: skip
        opset = 19 if coordinates == "half_pixel_symmetric" else 13
        compare(model([made], *ports, constants, opset=opset), {"x": random(1, 1, 2, old)}, tmp_path / "net.onnx")


@pytest.mark.parametrize("begin", [-(1 << 62), -9, -3, -1, 0, 2, 9, 1 << 62])
@pytest.mark.parametrize("end", [-(1 << 62), -9, -2, 0, 1, 9, 1 << 62])
@pytest.mark.parametrize("step", [-2, -1, 1, 2])
def test_slices(begin: int, end: int, step: int, tmp_path: Path) -> None:
    """Beyond both ends; of a shape too, which the importer computes without tensors."""
    parts = {"b": np.array([begin]), "e": np.array([end]), "a": np.array([1]), "s": np.array([step])}
    nodes = [
        node("Slice", ["x", "b", "e", "a", "s"], ["y"]),
        node("Shape", ["x"], ["sizes"]),
        node("Slice", ["sizes", "b", "e", "zero", "s"], ["z"]),
    ]
    made = model(
        nodes, [("x", FLOAT, [2, 4])], [("y", FLOAT, None), ("z", INT64, None)], {**parts, "zero": np.array([0])}
    )
    compare(made, {"x": random(2, 4)}, tmp_path / "net.onnx")


@pytest.mark.parametrize("scale", [0.6, 1.7, 3.0])
def test_resize_of_opset_10(scale: float, tmp_path: Path) -> None:
    """It rounds up where it makes a picture smaller."""
    constants = {"scales": np.array([1, 1, 1, scale], np.float32)}
    ports = [("x", FLOAT, [1, 1, 2, 9])], [("y", FLOAT, None)]
    made = model([node("Resize", ["x", "scales"], ["y"])], *ports, constants, opset=10)
    compare(made, {"x": random(1, 1, 2, 9)}, tmp_path / "net.onnx")


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_sequences_of_different_lengths(kind: str, direction: str, tmp_path: Path) -> None:
    gates, ways = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 2 if direction == "bidirectional" else 1
    constants = {
        "w": random(ways, gates * 6, 4), "r": random(ways, gates * 6, 6, seed=1), "h": random(ways, 3, 6, seed=2),
        "lengths": np.array([0, 5, 2], np.int32),
    }  # fmt: skip
    made = node(kind, ["x", "w", "r", "", "lengths", "h"], ["y", "last"], hidden_size=6, direction=direction)
    ports = [("x", FLOAT, [5, 3, 4])], [("y", FLOAT, None), ("last", FLOAT, None)]
    compare(model([made], *ports, constants, opset=14), {"x": random(5, 3, 4, seed=3)}, tmp_path / "net.onnx")


@pytest.mark.parametrize("masked", [False, True])
def test_causal_attention_with_a_cache(masked: bool, tmp_path: Path) -> None:
    """The first query stands behind the cache, also when there are more new keys than queries."""
    feeds = {
        "q": random(2, 4, 5, 8), "k": random(2, 2, 7, 8, seed=1), "v": random(2, 2, 7, 6, seed=2),
        "past_k": random(2, 2, 3, 8, seed=3), "past_v": random(2, 2, 3, 6, seed=4),
    }  # fmt: skip
    constants = {"mask": random(5, 10, seed=5)}
    names = ["q", "k", "v", "mask" if masked else "", "past_k", "past_v"]
    made = node("Attention", names, ["y", "new_k", "new_v"], is_causal=1)
    ports = [(name, FLOAT, list(value.shape)) for name, value in feeds.items()]
    outputs = [(name, FLOAT, None) for name in ("y", "new_k", "new_v")]
    compare(model([made], ports, outputs, constants, opset=23), feeds, tmp_path / "net.onnx")


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("rounds", [False, True])
def test_a_quantized_linear_layer(turned: bool, rounds: bool, tmp_path: Path) -> None:
    """QGemm, as onnxruntime's quantizer writes the last layer of a classifier."""
    weight = np.random.default_rng(0).integers(-100, 100, (8, 6)).astype(np.int8)
    constants: dict[str, Any] = {
        "s": np.array(0.03, np.float32), "z": np.array(120, np.uint8), "w": weight.T.copy() if turned else weight,
        "ws": np.abs(random(6)) * 0.01 + 0.001, "wz": np.zeros(6, np.int8), "c": np.arange(6, dtype=np.int32) * 300,
    }  # fmt: skip
    names = ["xq", "s", "z", "w", "ws", "wz", "c", *(["s", "z"] if rounds else [])]
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["xq"])]
    nodes.append(node("QGemm", names, ["m"], domain="com.microsoft", transB=int(turned)))
    nodes.append(node("DequantizeLinear", ["m", "s", "z"], ["y"]) if rounds else node("Identity", ["m"], ["y"]))
    ports = [("x", FLOAT, [3, 8])], [("y", FLOAT, None)]
    made = model(nodes, *ports, constants, domains={"com.microsoft": 1})
    compare(made, {"x": random(3, 8)}, tmp_path / "net.onnx")


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_of_equal_values_the_first_is_taken_first(dtype: str, largest: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for scale in (1.0, 1e-38, 1e38, np.inf) if dtype == "float32" else (1, 1 << 40):
        values = np.maximum(0, draw.integers(-5, 6, (3, 60))).astype(dtype)
        x = np.where(values == 0, values, values * scale).astype(dtype)
        made = node("TopK", ["x", "k"], ["y", "places"], largest=largest)
        kind = helper.np_dtype_to_tensor_dtype(x.dtype)
        ports = [("x", kind, [3, 60])], [("y", kind, None), ("places", TensorProto.INT64, None)]
        compare(model([made], *ports, {"k": np.array([30])}), {"x": x}, tmp_path / "net.onnx")


@pytest.mark.parametrize("stage", range(4))
def test_the_scores_of_causal_attention(stage: int, tmp_path: Path) -> None:
    feeds = {name: random(1, 2, 4, 8, seed=seed) for seed, name in enumerate("qkv")}
    made = node("Attention", list(feeds), ["y", "", "", "scores"], is_causal=1, qk_matmul_output_mode=stage)
    ports = [(name, FLOAT, list(value.shape)) for name, value in feeds.items()]
    made_model = model([made], ports, [(name, FLOAT, None) for name in ("y", "scores")], opset=23)
    compare(made_model, feeds, tmp_path / "net.onnx")
