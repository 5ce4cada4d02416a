"""Quantized values: as XNNPACK recognises them where it can, else with arithmetic in floats."""

from __future__ import annotations

import torch
import torch.ao.quantization.fx._decomposed  # registers quantized_decomposed
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.operators.layers.convolution import convolved
from importer.sources.onnx.operators.matrix import product, turned
from importer.sources.onnx.registry import MICROSOFT, operator
from importer.sources.onnx.tensors import torch_dtype
from importer.sources.onnx.values import Constant, Quantized, Shifted, Value, Whole, untraced

_ASYMMETRIC = (
    "Weights of it are quantized around another number than 0; XNNPACK has no such layers, so they became floats."
)
_OTHER_STEPS = (
    "Values of it are quantized with 16 bits, or with a scale for each channel or call; XNNPACK has no such layers, so "
    "they became floats that are rounded as the file says."
)
_RANGES = {torch.int8: (-128, 127), torch.uint8: (0, 255), torch.int16: (-32768, 32767), torch.uint16: (0, 65535)}


@operator("QuantizeLinear", domain=MICROSOFT, given=(1, 2), inputs=(2, 3))
@operator("QuantizeLinear", given=(1, 2), inputs=(2, 3))
def _quantize(call: Call, x: Tensor, scale: Value, zero: Value = None) -> Value:
    return quantize(call, x, scale, zero, call.integer("axis", 1))


def quantize(call: Call, x: Tensor, scale: Value, zero: Value, axis: int = 1) -> Value:
    """A tensor in steps of `scale`."""
    dtype = torch.uint8
    known_scale, known_zero = call.constant(scale), None if zero is None else call.constant(zero)
    if zero is not None:
        dtype = known_zero.dtype if known_zero is not None else call.tensor(zero).dtype
    elif call.has("output_dtype") and call.integer("output_dtype"):
        dtype = torch_dtype(call.integer("output_dtype"), str(call.node))
    if dtype not in _RANGES:
        raise call.unsupported(f"the dtype {dtype}")
    one = known_scale is not None and known_scale.numel() == 1 and (zero is None or known_zero is not None)
    if one and dtype in (torch.int8, torch.uint8) and x.dtype == torch.float32 and not call.folding:
        assert known_scale is not None
        shift = 128 if dtype == torch.uint8 else 0
        offset = int(call.known_number(zero) or 0) - shift
        made: Tensor = torch.ops.quantized_decomposed.quantize_per_tensor(
            x, call.known_number(scale), offset, -128, 127, torch.int8
        )
        return Shifted(made) if shift else made
    low, high = _RANGES[dtype]
    step = _spread(call, call.tensor(scale), x, axis)
    middle = None if zero is None else _spread(call, call.tensor(zero), x, axis)
    steps = torch.round(x.float() / step.float())
    steps = torch.clamp(steps if middle is None else steps + middle.float(), low, high)
    if call.folding:
        return steps.to(torch.int64).to(dtype)
    call.module.note(_OTHER_STEPS)
    return Whole(steps, dtype)


def _spread(call: Call, value: Tensor, x: Tensor, axis: int) -> Tensor:
    """A scale for each channel or block, in a shape that broadcasts to the tensor."""
    if value.numel() == 1:
        return value.reshape(())
    axis = axis % x.dim()
    if block := call.integer("block_size", 0):
        return value.repeat_interleave(block, axis).narrow(axis, 0, int(x.shape[axis]))
    return value.reshape([-1 if item == axis else 1 for item in range(x.dim())])


@operator("DequantizeLinear", domain=MICROSOFT, given=None, folds=False, inputs=(2, 3))
@operator("DequantizeLinear", given=None, folds=False, inputs=(2, 3))
def _dequantize(call: Call, value: Value, scale: Value, zero: Value = None) -> Value:
    return dequantize(call, value, scale, zero, call.integer("axis", 1))


def dequantize(call: Call, value: Value, scale: Value, zero: Value, axis: int = 0) -> Value:
    """Quantized values as floats: weights stay int8 where the model computes with int8."""
    numbers, known_scale = call.constant(value), call.constant(scale)
    known_zero = torch.zeros((), dtype=torch.int8) if zero is None else call.constant(zero)
    if numbers is not None and known_scale is not None and known_zero is not None:
        key = f"{id(value)}_{axis}"
        if not call.integer("block_size", 0) and known_scale.dtype == torch.float32:
            found = _weights(call, f"weights_{key}", numbers, known_scale, known_zero, axis)
            if found is not None:
                return found
        return _floats(call, f"floats_{key}", numbers, known_scale, known_zero, axis)
    one = known_scale is not None and known_scale.numel() == 1 and known_zero is not None
    if one and isinstance(value, Tensor) and value.dtype == torch.uint8:
        value = Shifted((value.to(torch.int16) - 128).to(torch.int8))
    x = value.tensor if isinstance(value, Shifted) else call.tensor(value)
    if one and x.dtype == torch.int8 and known_scale is not None and known_scale.dtype == torch.float32:
        assert known_zero is not None
        offset = int(call.known_number(zero) or 0) - (128 if isinstance(value, Shifted) else 0)
        made: Tensor = torch.ops.quantized_decomposed.dequantize_per_tensor(
            x, call.known_number(scale), offset, -128, 127, torch.int8
        )
        call.module.remember_8_bits(made)
        return made
    floats = value.tensor if isinstance(value, Whole) else call.tensor(value).to(torch.float32)
    step = _spread(call, call.tensor(scale), floats, axis)
    if zero is not None:
        floats = floats - _spread(call, call.tensor(zero), floats, axis).to(torch.float32)
    return (floats * step.to(torch.float32)).to(step.dtype)


def _floats(call: Call, key: str, numbers: Tensor, scale: Tensor, zero: Tensor, axis: int) -> Constant:
    def made() -> list[Tensor]:
        step, middle = (_spread(call, item, numbers, axis) for item in (scale, zero))
        return [(numbers.to(torch.float32) - middle.to(torch.float32)).to(step.dtype) * step]

    return call.module.kept(call.key, key, made)[0]


def _weights(call: Call, key: str, numbers: Tensor, scale: Tensor, zero: Tensor, axis: int) -> Quantized | None:
    """Weights of 8 bits as int8; nothing for other numbers, such as biases of 32 bits."""
    if numbers.dtype not in (torch.int8, torch.uint8) or numbers.dim() < 2:
        return None
    shift = 128 if numbers.dtype == torch.uint8 else 0
    with untraced():
        signed = (numbers.to(torch.int16) - shift).to(torch.int8)
        middle = (zero.to(torch.int64) - shift).reshape(-1)
        if bool(middle.any()):  # XNNPACK refuses weights whose zero is elsewhere
            call.module.note(_ASYMMETRIC)
            return None
    channels = scale.numel()
    holders = call.module.kept(call.key, key, lambda: [signed, scale.reshape(-1), middle.expand(channels).contiguous()])
    kept, step, offset = holders
    return Quantized(kept, step, offset, None if channels == 1 else axis % numbers.dim())


_FOR_LENGTH = (
    "Layers of it are quantized dynamically; they compute in floats, because a rounding more or less would move all "
    "that comes after it in the results."
)
_IN_FLOATS = "Layers of it are quantized dynamically in a way that XNNPACK has no kernel for; they compute in floats."


@operator("DynamicQuantizeLinear")
def _dynamic(call: Call, x: Tensor) -> list[Tensor]:
    call.module.note(_IN_FLOATS)
    steps, step, middle = _in_steps(x)
    return [steps.to(torch.uint8), step, middle.to(torch.uint8)]


def _in_steps(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The values as whole numbers of 0 to 255, one step, and the number that stands for 0; all as floats."""
    low, high = torch.clamp(x.amin(), max=0.0), torch.clamp(x.amax(), min=0.0)
    step = (high - low) / 255.0
    safe = torch.where(step == 0, torch.ones_like(step), step)
    middle = torch.clamp(torch.round(-low / safe), 0, 255)
    return torch.clamp(torch.round(x / safe) + middle, 0, 255), step, middle


@operator("DynamicQuantizeMatMul", domain=MICROSOFT, given=(1, 2, 3), inputs=(3, 5), folds=False)
def _dynamic_product(
    call: Call, x: Tensor, weight: Value, scale: Value, zero: Value = None, bias: Tensor | None = None
) -> Tensor:
    """The layer as XNNPACK recognises it, which quantizes each row of x by its own range, not all rows by one."""
    if call.module.exact:
        call.module.note(_FOR_LENGTH)
        call.module.is_more_exact = True
        numbers, step, middle = (call.constant(item) for item in (weight, scale, zero))
        assert numbers is not None and step is not None
        middle = torch.zeros((), dtype=torch.int8) if middle is None else middle
        made = product(call, x, _floats(call, "floats", numbers, step, middle, -1))
        return made if bias is None else made + bias
    found = dequantize(call, weight, scale, zero, -1)
    if not isinstance(found, Quantized) or found.numbers.tensor.dim() != 2 or x.dim() < 2 or any(found.zero.numbers()):
        call.module.note(_IN_FLOATS)
        rounded, step, middle = _in_steps(x)
        made = product(call, (rounded - middle) * step, found)
        return made if bias is None else made + bias
    operators = torch.ops.quantized_decomposed
    step, middle = operators.choose_qparams(x, -128, 127, torch.finfo(torch.float32).eps, torch.int8)
    steps = operators.quantize_per_tensor.tensor(x, step, middle, -128, 127, torch.int8)
    source = operators.dequantize_per_tensor.tensor(steps, step, middle, -128, 127, torch.int8)
    return functional.linear(source, call.tensor(_by_column(call, turned(call, found))), bias)


def _by_column(call: Call, weight: Quantized) -> Quantized:
    """Weights [outputs, inputs] with a scale for each output, also where the file has one for all."""
    if weight.axis is not None:
        return weight
    columns = int(weight.numbers.tensor.shape[0])
    scale, zero = (
        call.module.derived(item, f"columns_{columns}", lambda value: value.reshape(1).expand(columns))
        for item in (weight.scale, weight.zero)
    )
    return Quantized(weight.numbers, scale, zero, 0)


@operator("QLinearConv", given=None, inputs=(8, 9), folds=False)
def _conv(
    call: Call, x: Value, x_scale: Value, x_zero: Value, w: Value, w_scale: Value, w_zero: Value,
    y_scale: Value, y_zero: Value, bias: Value = None,
) -> Value:  # fmt: skip
    source = call.tensor(dequantize(call, x, x_scale, x_zero))
    weight = call.tensor(dequantize(call, w, w_scale, w_zero, 0))
    added = None if bias is None else _bias(call, bias, x_scale, w_scale)
    return quantize(call, convolved(call, source, weight, added), y_scale, y_zero)


def _bias(call: Call, bias: Value, x_scale: Value, w_scale: Value, factor: float = 1.0) -> Tensor:
    """A bias of 32 bits as floats: its steps are the product of both scales."""
    numbers, first, second = (call.constant(item) for item in (bias, x_scale, w_scale))
    if numbers is None or first is None or second is None:
        return call.tensor(bias).float() * (call.tensor(x_scale) * call.tensor(w_scale) * factor).reshape(-1)
    made = call.module.kept(call.key, "bias", lambda: [numbers.float() * (first * second * factor).reshape(-1)])
    return call.tensor(made[0])


@operator("QGemm", domain=MICROSOFT, given=None, inputs=(6, 9), folds=False)
def _gemm(
    call: Call, a: Value, a_scale: Value, a_zero: Value, b: Value, b_scale: Value, b_zero: Value,
    c: Value = None, y_scale: Value = None, y_zero: Value = None,
) -> Value:  # fmt: skip
    is_turned, alpha = bool(call.integer("transB", 0)), call.number("alpha", 1.0)
    left = call.tensor(dequantize(call, a, a_scale, a_zero))
    left = left.t() if call.integer("transA", 0) else left
    right = dequantize(call, b, b_scale, b_zero, 0 if is_turned else 1)
    if y_scale is None and isinstance(right, Quantized):
        right = call.module.in_floats(right)
    if isinstance(right, Quantized):
        weight = call.tensor(right if is_turned else turned(call, right))
    else:
        weight = call.derived(right, f"weight_{is_turned}", lambda item: item if is_turned else item.t())
    bias = None if c is None else _bias(call, c, a_scale, b_scale, alpha)
    if alpha != 1.0 or (bias is not None and bias.dim() != 1):
        made = functional.linear(left, weight) * alpha
        made = made if bias is None else made + bias
    else:
        made = functional.linear(left, weight, bias)
    return made if y_scale is None else quantize(call, made, y_scale, y_zero)


@operator("QLinearMatMul", given=None, inputs=(8, 8), folds=False)
def _matmul(
    call: Call, a: Value, a_scale: Value, a_zero: Value, b: Value, b_scale: Value, b_zero: Value,
    y_scale: Value, y_zero: Value,
) -> Value:  # fmt: skip
    left, right = dequantize(call, a, a_scale, a_zero, -2), dequantize(call, b, b_scale, b_zero, -1)
    return quantize(call, product(call, left, right), y_scale, y_zero)
