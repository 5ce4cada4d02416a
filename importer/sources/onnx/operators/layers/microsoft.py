"""Operators of onnxruntime's own domain that its optimizer and quantizer write."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.operators.layers.pooling import averaged
from importer.sources.onnx.operators.layers.quantized import dequantize, quantize
from importer.sources.onnx.registry import MICROSOFT, operator
from importer.sources.onnx.values import Value


@operator("Gelu", domain=MICROSOFT)
def _gelu(call: Call, x: Tensor) -> Tensor:
    return functional.gelu(x)


@operator("BiasGelu", domain=MICROSOFT, inputs=(2, 2))
def _bias_gelu(call: Call, x: Tensor, bias: Tensor) -> Tensor:
    return functional.gelu(x + bias)


@operator("FastGelu", domain=MICROSOFT, inputs=(1, 2))
def _fast_gelu(call: Call, x: Tensor, bias: Tensor | None = None) -> Tensor:
    return functional.gelu(x if bias is None else x + bias, approximate="tanh")


@operator("QuickGelu", domain=MICROSOFT)
def _quick_gelu(call: Call, x: Tensor) -> Tensor:
    return x * torch.sigmoid(x * call.number("alpha", 1.702))


@operator("FusedMatMul", domain=MICROSOFT, inputs=(2, 2))
def _fused_matmul(call: Call, a: Tensor, b: Tensor) -> Tensor:
    left = a.transpose(-1, -2) if call.integer("transA", 0) else a
    right = b.transpose(-1, -2) if call.integer("transB", 0) else b
    return torch.matmul(left, right) * call.number("alpha", 1.0)


@operator("SkipLayerNormalization", domain=MICROSOFT, inputs=(3, 5))
def _skip_norm(
    call: Call, x: Tensor, skip: Tensor, scale: Tensor, shift: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    if len([name for name in call.node.outputs if name]) > 1:
        raise call.unsupported("more than one output")
    total = x + skip if bias is None else x + skip + bias
    return functional.layer_norm(total, [int(scale.numel())], scale, shift, call.number("epsilon", 1e-12))


def _register_binary(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    @operator(name, domain=MICROSOFT, given=None, inputs=(7, 8), folds=False)
    def compute(
        call: Call, a: Value, a_scale: Value, a_zero: Value, b: Value, b_scale: Value, b_zero: Value,
        y_scale: Value, y_zero: Value = None,
    ) -> Value:  # fmt: skip
        left = call.tensor(dequantize(call, a, a_scale, a_zero))
        right = call.tensor(dequantize(call, b, b_scale, b_zero))
        return quantize(call, function(left, right), y_scale, y_zero)


def _register_unary(name: str, function: Callable[[Call, Tensor], Tensor]) -> None:
    @operator(name, domain=MICROSOFT, given=None, inputs=(4, 5), folds=False)
    def compute(call: Call, x: Value, x_scale: Value, x_zero: Value, y_scale: Value, y_zero: Value = None) -> Value:
        return quantize(call, function(call, call.tensor(dequantize(call, x, x_scale, x_zero))), y_scale, y_zero)


_register_binary("QLinearAdd", torch.add)
_register_binary("QLinearMul", torch.mul)
_register_unary("QLinearSigmoid", lambda call, x: torch.sigmoid(x))
_register_unary("QLinearLeakyRelu", lambda call, x: functional.leaky_relu(x, call.number("alpha", 0.01)))
_register_unary("QLinearGlobalAveragePool", lambda call, x: _average(call, x))
_register_unary("QLinearAveragePool", lambda call, x: averaged(call, x))
_register_unary("QLinearSoftmax", lambda call, x: torch.softmax(x, call.integer("axis", -1)))


def _average(call: Call, x: Tensor) -> Tensor:
    if call.integer("channels_last", 0):
        raise call.unsupported("channels_last")
    return x.mean(list(range(2, x.dim())), keepdim=True)


@operator("QLinearWhere", domain=MICROSOFT, given=None, inputs=(9, 9), folds=False)
def _where(
    call: Call, condition: Value, x: Value, x_scale: Value, x_zero: Value, y: Value, y_scale: Value, y_zero: Value,
    z_scale: Value, z_zero: Value,
) -> Value:  # fmt: skip
    left = call.tensor(dequantize(call, x, x_scale, x_zero))
    right = call.tensor(dequantize(call, y, y_scale, y_zero))
    return quantize(call, torch.where(call.tensor(condition), left, right), z_scale, z_zero)


@operator("QLinearConcat", domain=MICROSOFT, given=None, inputs=(5, 10_000), folds=False)
def _concat(call: Call, y_scale: Value, y_zero: Value, *values: Value) -> Value:
    groups = [values[index : index + 3] for index in range(0, len(values), 3)]
    parts = [call.tensor(dequantize(call, group[0], group[1], group[2])) for group in groups]
    return quantize(call, torch.cat(parts, call.integer("axis")), y_scale, y_zero)
