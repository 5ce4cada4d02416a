"""Activation functions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator


@operator("Relu")
def _relu(call: Call, x: Tensor) -> Tensor:
    return torch.relu(x)


@operator("Sigmoid")
def _sigmoid(call: Call, x: Tensor) -> Tensor:
    return torch.sigmoid(x)


@operator("Tanh")
def _tanh(call: Call, x: Tensor) -> Tensor:
    return torch.tanh(x)


@operator("LeakyRelu")
def _leaky_relu(call: Call, x: Tensor) -> Tensor:
    return functional.leaky_relu(x, call.number("alpha", 0.01))


@operator("Elu")
def _elu(call: Call, x: Tensor) -> Tensor:
    return functional.elu(x, call.number("alpha", 1.0))


@operator("Celu")
def _celu(call: Call, x: Tensor) -> Tensor:
    return functional.celu(x, call.number("alpha", 1.0))


@operator("Selu")
def _selu(call: Call, x: Tensor) -> Tensor:
    alpha = call.number("alpha", 1.6732632423543772)
    gamma = call.number("gamma", 1.0507009873554805)
    return gamma * functional.elu(x, alpha)


@operator("ThresholdedRelu")
def _thresholded_relu(call: Call, x: Tensor) -> Tensor:
    return torch.where(x > call.number("alpha", 1.0), x, torch.zeros_like(x))


@operator("PRelu", inputs=(2, 2))
def _prelu(call: Call, x: Tensor, slope: Tensor) -> Tensor:
    channels = x.dim() > 1 and slope.numel() == x.shape[1] and slope.dim() >= x.dim() - 1 and slope.numel() > 1
    per_channel = channels and slope.shape[slope.dim() - x.dim() + 1] == x.shape[1]
    if per_channel or slope.numel() == 1:
        return functional.prelu(x, slope.reshape(-1))
    return torch.where(x < 0, x * slope, x)


@operator("HardSigmoid")
def _hard_sigmoid(call: Call, x: Tensor) -> Tensor:
    alpha, beta = call.number("alpha", 0.2), call.number("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return functional.hardsigmoid(x)
    return torch.clamp(x * alpha + beta, 0.0, 1.0)


@operator("HardSwish")
def _hard_swish(call: Call, x: Tensor) -> Tensor:
    return functional.hardswish(x)


@operator("Softplus")
def _softplus(call: Call, x: Tensor) -> Tensor:
    return functional.softplus(x)


@operator("Softsign")
def _softsign(call: Call, x: Tensor) -> Tensor:
    return x / (1 + torch.abs(x))


@operator("Mish")
def _mish(call: Call, x: Tensor) -> Tensor:
    return x * torch.tanh(functional.softplus(x))


@operator("Swish")
def _swish(call: Call, x: Tensor) -> Tensor:
    return x * torch.sigmoid(x * call.number("alpha", 1.0))


@operator("Gelu")
def _gelu(call: Call, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=call.text("approximate", "none"))


@operator("Shrink")
def _shrink(call: Call, x: Tensor) -> Tensor:
    limit, bias = call.number("lambd", 0.5), call.number("bias", 0.0)
    zero = torch.zeros_like(x)
    return torch.where(x < -limit, x + bias, torch.where(x > limit, x - bias, zero)).to(x.dtype)


@operator("Softmax", "LogSoftmax", "Hardmax")
def _softmax(call: Call, x: Tensor) -> Tensor:
    if call.opset >= 13:
        return _along(call, x, call.integer("axis", -1))
    axis = call.integer("axis", 1) % max(1, x.dim())
    if axis == x.dim() - 1:
        return _along(call, x, axis)
    # Before opset 13 it was over all dimensions from the axis on.
    return _along(call, x.flatten(axis), axis).reshape(x.shape)


def _along(call: Call, x: Tensor, axis: int) -> Tensor:
    if call.node.operator == "Softmax":
        return torch.softmax(x, axis)
    if call.node.operator == "LogSoftmax":
        return torch.log_softmax(x, axis)
    largest = torch.argmax(x, axis, keepdim=True)
    place = torch.arange(x.shape[axis]).reshape([-1 if item == axis % x.dim() else 1 for item in range(x.dim())])
    return (place == largest).to(x.dtype)
