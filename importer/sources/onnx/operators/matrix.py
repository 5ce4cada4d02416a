"""Products of matrices."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Constant, Quantized, Value


@operator("MatMul", given=(0, 1), inputs=(2, 2))
def _matmul(call: Call, left: Value, right: Value) -> Tensor:
    return product(call, left, right)


def product(call: Call, left: Value, right: Value) -> Tensor:
    """left @ right; a linear layer when the right side is a constant, which XNNPACK packs once."""
    x = call.tensor(left)
    constant = isinstance(right, Constant) and right.tensor.dim() == 2 and x.is_floating_point()
    if constant and x.dim() >= 2 and not call.folding:
        return _linear(x, call.derived(right, "transposed", lambda weight: weight.t()))
    if isinstance(right, Quantized) and right.numbers.tensor.dim() == 2 and x.dim() >= 2:
        return _linear(x, call.tensor(turned(call, right)))
    y = call.tensor(right)
    if x.dtype in (torch.int8, torch.uint8, torch.int16, torch.uint16):
        return torch.matmul(x.to(torch.int32), y.to(torch.int32)).to(x.dtype)
    return torch.matmul(x, y)


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    """One sample of rows whose number varies goes in as rows: joining both, torch makes a condition on the number."""
    if x.dim() == 3 and isinstance(x.shape[0], int) and x.shape[0] == 1 and not isinstance(x.shape[1], int):
        return functional.linear(x.squeeze(0), weight).unsqueeze(0)
    return functional.linear(x, weight)


def turned(call: Call, weight: Quantized) -> Quantized:
    """Quantized weights [inputs, outputs] as a linear layer has them, [outputs, inputs]."""
    numbers = call.module.derived(weight.numbers, "transposed", lambda item: item.t())
    return Quantized(numbers, weight.scale, weight.zero, None if weight.axis is None else 1 - weight.axis)


@operator("Gemm", given=(0, 1, 2), inputs=(2, 3))
def _gemm(call: Call, a: Value, b: Value, c: Value = None) -> Tensor:
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    x = call.tensor(a)
    x = x.t() if call.integer("transA", 0) else x
    is_turned = bool(call.integer("transB", 0))
    bias = None if c is None else call.tensor(c)
    if x.is_floating_point():
        if isinstance(b, Quantized) and alpha == 1.0:
            weight = call.tensor(b if is_turned else turned(call, b))
        else:
            how = f"weight_{is_turned}_{alpha}"
            weight = call.derived(b, how, lambda item: (item if is_turned else item.t()) * alpha)
        if (
            bias is not None
            and isinstance(c, Constant)
            and bias.numel() == weight.shape[0]
            and bias.shape[-1:] == weight.shape[:1]
        ):
            return functional.linear(x, weight, call.derived(c, f"bias_{beta}", lambda item: item.reshape(-1) * beta))
        made = functional.linear(x, weight)
        return made if bias is None else made + (bias if beta == 1.0 else bias * beta)
    y = call.tensor(b)
    made = torch.matmul(x, y.t() if is_turned else y)
    made = made if alpha == 1.0 else (made * alpha).to(x.dtype)
    return made if bias is None else made + (bias if beta == 1.0 else (bias * beta).to(x.dtype))


@operator("Einsum", inputs=(1, 100))
def _einsum(call: Call, *values: Tensor) -> Tensor:
    return torch.einsum(call.text("equation"), *values)


@operator("Det")
def _det(call: Call, x: Tensor) -> Tensor:
    return torch.det(x)
