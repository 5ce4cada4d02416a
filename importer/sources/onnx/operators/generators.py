"""Operators that make tensors out of attributes and sizes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from importer.sources.onnx.call import Call
from importer.sources.onnx.refusals import LengthNeeded
from importer.sources.onnx.registry import operator
from importer.sources.onnx.tensors import to_torch, torch_dtype
from importer.sources.onnx.values import Constant, Value


@operator("Constant", inputs=(0, 0))
def _constant(call: Call) -> Tensor:
    if call.has("value_float"):
        return torch.tensor(call.number("value_float"), dtype=torch.float32)
    if call.has("value_int"):
        return torch.tensor(call.integer("value_int"), dtype=torch.int64)
    if call.has("value_floats"):
        return torch.tensor(call.numbers("value_floats"), dtype=torch.float32)
    if call.has("value_ints"):
        return torch.tensor(call.integers("value_ints"), dtype=torch.int64)
    if call.has("sparse_value"):
        model = call.module.model
        return to_torch(call.node.attributes["sparse_value"].value, model.path.parent, model.path.stem)
    if not call.has("value"):
        raise call.unsupported("a text as its value")
    return call.tensor_attribute("value")


@operator("ConstantOfShape", given=None)
def _constant_of_shape(call: Call, shape: Value) -> Tensor:
    sizes = call.sizes(shape)
    call.check_elements(sizes)
    filled = call.tensor_attribute("value") if call.has("value") else torch.zeros(1)
    return torch.full(sizes, filled.reshape(-1)[0].item(), dtype=filled.dtype)


@operator("Range", given=None, inputs=(3, 3))
def _range(call: Call, start: Value, limit: Value, delta: Value) -> Tensor:
    is_count = call.known_number(start) == 0 and call.known_number(delta) == 1 and call.scope.depth == 0
    if is_count and isinstance(limit, Tensor) and limit.dtype == torch.int64 and limit.numel() == 1:
        raise LengthNeeded(call.needs_value(limit), call.node)
    first, last, step = (call.size(item) for item in (start, limit, delta))
    if isinstance(step, (int, float)) and step == 0:
        raise call.fails("has a step of 0")
    known = all(isinstance(item, (int, float)) for item in (first, last, step))
    if known:
        call.check_elements([max(0, math.ceil((last - first) / step))])
    dtype = next((item.tensor.dtype for item in (start, limit, delta) if isinstance(item, Constant)), torch.int64)
    if known and max(0, math.ceil((last - first) / step)) == 0:
        return torch.zeros(0, dtype=dtype)
    return torch.arange(first, last, step, dtype=dtype)


@operator("EyeLike")
def _eye_like(call: Call, x: Tensor) -> Tensor:
    dtype = torch_dtype(call.integer("dtype"), str(call.node)) if call.has("dtype") else x.dtype
    rows, columns = torch.arange(x.shape[0]).unsqueeze(1), torch.arange(x.shape[1]).unsqueeze(0)
    return (columns - rows == call.integer("k", 0)).to(dtype)


@operator("HannWindow", "HammingWindow", "BlackmanWindow", given=None)
def _window(call: Call, size: Value) -> Tensor:
    count = int(call.size(size))
    call.check_elements([count])
    whole = count if call.integer("periodic", 1) else count - 1
    angle = torch.arange(count, dtype=torch.float64) * (2 * math.pi / max(1, whole))
    if call.node.operator == "HannWindow":
        made = 0.5 - 0.5 * torch.cos(angle)
    elif call.node.operator == "HammingWindow":
        made = 25 / 46 - 21 / 46 * torch.cos(angle)
    else:
        made = 0.42 - 0.5 * torch.cos(angle) + 0.08 * torch.cos(2 * angle)
    return made.to(torch_dtype(call.integer("output_datatype", 1), str(call.node)))


@operator("MelWeightMatrix", given=None, inputs=(5, 5))
def _mel_weights(call: Call, bins: Value, length: Value, rate: Value, low: Value, high: Value) -> Tensor:
    count, size, samples = int(call.size(bins)), int(call.size(length)), call.size(rate)
    call.check_elements([count, size // 2 + 1])
    lowest, highest = (2595 * math.log10(1 + float(call.size(item)) / 700) for item in (low, high))
    step = (highest - lowest) / (count + 2)
    mels = [700 * (10 ** ((lowest + place * step) / 2595) - 1) for place in range(count + 2)]
    edges = [int((size + 1) * hertz // samples) for hertz in mels]
    made = torch.zeros(size // 2 + 1, count, dtype=torch.float64)
    for index in range(count):
        first, middle, last = edges[index : index + 3]
        if middle == first:
            made[middle, index] = 1
        for place in range(first, middle + 1 if middle > first else first):
            made[place, index] = (place - first) / (middle - first)
        for place in range(middle, last):
            made[place, index] = (last - place) / (last - middle)
    return made.to(torch_dtype(call.integer("output_datatype", 1), str(call.node)))


@operator("RandomNormalLike", "RandomUniformLike", folds=False)
def _random_like(call: Call, x: Tensor) -> Tensor:
    return _random(call, list(x.shape))


@operator("RandomNormal", "RandomUniform", inputs=(0, 0), folds=False)
def _random_of_shape(call: Call) -> Tensor:
    call.check_elements(call.integers("shape"))
    return _random(call, call.integers("shape"))


def _random(call: Call, shape: list[Any]) -> Tensor:
    """ExecuTorch has no random numbers that Godot could seed: the expected value replaces them."""
    call.module.note(f"{call.title()} draws random numbers; the program takes their mean instead.")
    if "Normal" in call.node.operator:
        return torch.full(shape, call.number("mean", 0.0))
    return torch.full(shape, (call.number("low", 0.0) + call.number("high", 1.0)) / 2)
