"""Normalizations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator


@operator("BatchNormalization", inputs=(5, 5))
def _batch(call: Call, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Any:
    epsilon, momentum = call.number("epsilon", 1e-5), call.number("momentum", 0.9)
    if not call.integer("training_mode", 0):
        return functional.batch_norm(x, mean, variance, scale, bias, False, 0.0, epsilon)
    axes = [axis for axis in range(x.dim()) if axis != 1]
    shape = [-1 if axis == 1 else 1 for axis in range(x.dim())]
    own_mean = x.mean(axes)
    own_variance = (x - own_mean.reshape(shape)).square().mean(axes)
    made = (x - own_mean.reshape(shape)) * torch.rsqrt(own_variance.reshape(shape) + epsilon)
    made = made * scale.reshape(shape) + bias.reshape(shape)
    return [made, mean * momentum + own_mean * (1 - momentum), variance * momentum + own_variance * (1 - momentum)]


@operator("InstanceNormalization", inputs=(3, 3))
def _instance(call: Call, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    axes = list(range(2, x.dim()))
    shape = [-1 if axis == 1 else 1 for axis in range(x.dim())]
    mean = x.mean(axes, keepdim=True)
    centered = x - mean
    variance = centered.square().mean(axes, keepdim=True)
    return centered * torch.rsqrt(variance + call.number("epsilon", 1e-5)) * scale.reshape(shape) + bias.reshape(shape)


@operator("LayerNormalization", inputs=(2, 3))
def _layer(call: Call, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> list[Tensor]:
    axis, epsilon = call.integer("axis", -1) % x.dim(), call.number("epsilon", 1e-5)
    axes = list(range(axis, x.dim()))
    if len(call.node.outputs) == 1 and list(scale.shape) == list(x.shape[axis:]):
        return [functional.layer_norm(x, list(scale.shape), scale, bias, epsilon)]
    mean = x.mean(axes, keepdim=True)
    centered = x - mean
    inverse = torch.rsqrt(centered.square().mean(axes, keepdim=True) + epsilon)
    made = centered * inverse * scale
    return [made if bias is None else made + bias, mean, inverse]


@operator("RMSNormalization", inputs=(2, 2))
def _rms(call: Call, x: Tensor, scale: Tensor) -> Tensor:
    axes = list(range(call.integer("axis", -1) % x.dim(), x.dim()))
    return x * torch.rsqrt(x.square().mean(axes, keepdim=True) + call.number("epsilon", 1e-5)) * scale


@operator("GroupNormalization", inputs=(3, 3))
def _group(call: Call, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    groups = call.integer("num_groups")
    if call.opset < 21 and scale.numel() == groups:
        repeats = int(x.shape[1]) // groups
        scale, bias = scale.repeat_interleave(repeats), bias.repeat_interleave(repeats)
    return functional.group_norm(x, groups, scale, bias, call.number("epsilon", 1e-5))


@operator("LRN")
def _lrn(call: Call, x: Tensor) -> Tensor:
    size, alpha = call.integer("size"), call.number("alpha", 1e-4)
    before, after = (size - 1) // 2, size // 2
    squares = x.square().movedim(1, -1)
    lanes = functional.pad(squares, (before, after)).unfold(-1, size, 1).sum(-1).movedim(-1, 1)
    return x / (call.number("bias", 1.0) + alpha / size * lanes).pow(call.number("beta", 0.75))


@operator("LpNormalization")
def _lp(call: Call, x: Tensor) -> Tensor:
    p, axis = call.integer("p", 2), call.integer("axis", -1)
    size = x.abs().sum(axis, keepdim=True) if p == 1 else x.square().sum(axis, keepdim=True).sqrt()
    return torch.where(size == 0, torch.zeros_like(x), x / torch.where(size == 0, torch.ones_like(size), size))


@operator("MeanVarianceNormalization")
def _mean_variance(call: Call, x: Tensor) -> Tensor:
    axes = call.integers("axes", [0, 2, 3])
    centered = x - x.mean(axes, keepdim=True)
    return centered / (centered.square().mean(axes, keepdim=True).sqrt() + 1e-9)
