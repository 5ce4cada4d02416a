"""Products of integers. They are computed in floats, exactly up to sums of 2 ** 24: XNNPACK has no kernel for int32."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.operators.layers.convolution import convolved
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Constant, Value


def _centered(call: Call, value: Value, zero: Value, axis: int | None) -> Tensor:
    """Integers as floats with their zero taken off: of each row or column its own when there are several."""
    x = call.tensor(value).to(torch.float32)
    if zero is None:
        return x
    middle = call.tensor(zero).to(torch.float32)
    if middle.dim() == 1 and middle.numel() > 1 and axis is not None:
        middle = middle.reshape([-1 if item == axis % x.dim() else 1 for item in range(x.dim())])
    return x - (middle.reshape(()) if middle.numel() == 1 else middle)


@operator("MatMulInteger", given=None, inputs=(2, 4), folds=False)
def _matmul(call: Call, a: Value, b: Value, a_zero: Value = None, b_zero: Value = None) -> Tensor:
    left = _centered(call, a, a_zero, -2)
    known, known_zero = call.constant(b), None if b_zero is None else call.constant(b_zero)
    if (
        isinstance(b, Constant)
        and known is not None
        and known.dim() == 2
        and (b_zero is None or known_zero is not None)
    ):
        weight = call.module.kept(call.key, "weight", lambda: [_weight(known, known_zero)])[0]
        return functional.linear(left, call.tensor(weight)).to(torch.int32)
    return torch.matmul(left, _centered(call, b, b_zero, -1)).to(torch.int32)


def _weight(numbers: Tensor, zero: Tensor | None) -> Tensor:
    made = numbers.to(torch.float32)
    return (made if zero is None else made - zero.to(torch.float32)).t().contiguous()


@operator("ConvInteger", given=None, inputs=(2, 4), folds=False)
def _conv(call: Call, x: Value, w: Value, x_zero: Value = None, w_zero: Value = None) -> Tensor:
    source, weight = _centered(call, x, x_zero, None), _centered(call, w, w_zero, 0)
    return convolved(call, source, weight, None).to(torch.int32)
