"""Operators that compute each element by itself: arithmetic, comparisons, logic, bits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Value

_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": torch.abs, "Ceil": torch.ceil, "Floor": torch.floor, "Round": torch.round, "Sqrt": torch.sqrt,
    "Reciprocal": torch.reciprocal, "Exp": torch.exp, "Log": torch.log, "Sin": torch.sin, "Cos": torch.cos,
    "Tan": torch.tan, "Asin": torch.asin, "Acos": torch.acos, "Atan": torch.atan, "Sinh": torch.sinh,
    "Cosh": torch.cosh, "Asinh": torch.asinh, "Acosh": torch.acosh, "Atanh": torch.atanh, "Erf": torch.erf,
    "Sign": torch.sign, "Not": torch.logical_not, "IsNaN": torch.isnan,
}  # fmt: skip
_BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "And": torch.logical_and, "Or": torch.logical_or,
    "Xor": torch.logical_xor, "Equal": torch.eq, "Greater": torch.gt, "GreaterOrEqual": torch.ge, "Less": torch.lt,
    "LessOrEqual": torch.le, "BitwiseAnd": torch.bitwise_and, "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}  # fmt: skip
_WIDER = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}


def _register_unary(name: str, function: Callable[[Tensor], Tensor]) -> None:
    @operator(name)
    def compute(call: Call, x: Tensor) -> Tensor:
        return function(x)


def _register_binary(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    @operator(name, inputs=(2, 2))
    def compute(call: Call, x: Tensor, y: Tensor) -> Tensor:
        _check_dtypes(call, x, y)
        return in_wider(function, x, y)


for _name, _function in _UNARY.items():
    _register_unary(_name, _function)
for _name, _other in _BINARY.items():
    _register_binary(_name, _other)


def in_wider(function: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """Unsigned integers in the wider ones that torch computes with, and back."""
    wide = _WIDER.get(values[0].dtype)
    if wide is None:
        return function(*values)
    made = function(*(value.to(wide) for value in values))
    return made if made.dtype == torch.bool else made.to(values[0].dtype)


def _check_dtypes(call: Call, *values: Tensor) -> None:
    if len({value.dtype for value in values}) > 1:
        names = ", ".join(str(value.dtype).removeprefix("torch.") for value in values)
        raise call.fails(f"takes values of one dtype; the file gives {names}")


@operator("Neg")
def _neg(call: Call, x: Tensor) -> Tensor:
    return torch.neg(x)


@operator("BitwiseNot")
def _bitwise_not(call: Call, x: Tensor) -> Tensor:
    return in_wider(torch.bitwise_not, x)


@operator("IsInf")
def _is_inf(call: Call, x: Tensor) -> Tensor:
    negative, positive = call.integer("detect_negative", 1), call.integer("detect_positive", 1)
    if negative and positive:
        return torch.isinf(x)
    if not negative and not positive:
        return torch.zeros_like(x, dtype=torch.bool)
    return x == (float("inf") if positive else float("-inf"))


@operator("Div", inputs=(2, 2))
def _div(call: Call, x: Tensor, y: Tensor) -> Tensor:
    _check_dtypes(call, x, y)
    if x.is_floating_point():
        return x / y
    return in_wider(lambda left, right: torch.div(left, right, rounding_mode="trunc"), x, y)


@operator("Mod", inputs=(2, 2))
def _mod(call: Call, x: Tensor, y: Tensor) -> Tensor:
    function = torch.fmod if call.integer("fmod", 0) else torch.remainder
    return in_wider(function, x, y)


@operator("Pow", inputs=(2, 2))
def _pow(call: Call, x: Tensor, y: Tensor) -> Tensor:
    exponent = call.constant(call.scope.find(call.node.inputs[1]))
    number = call.known_number(call.scope.find(call.node.inputs[1]))
    if exponent is not None and number is not None and exponent.dim() <= x.dim():
        # XNNPACK has a kernel for squares and roots, not for powers.
        return torch.pow(x, number if x.is_floating_point() else int(number) if number >= 0 else number).to(x.dtype)
    return torch.pow(x, y).to(x.dtype)


@operator("BitShift", inputs=(2, 2))
def _bit_shift(call: Call, x: Tensor, y: Tensor) -> Tensor:
    left = call.text("direction") == "LEFT"
    wide = _WIDER.get(x.dtype, x.dtype)
    moved = torch.bitwise_left_shift if left else torch.bitwise_right_shift
    return moved(x.to(wide), y.to(wide)).to(x.dtype)


@operator("Where", inputs=(3, 3))
def _where(call: Call, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return torch.where(condition, x, y)


@operator("Max", "Min", "Sum", "Mean", inputs=(1, 10_000))
def _fold(call: Call, *values: Tensor) -> Tensor:
    function = {"Max": torch.maximum, "Min": torch.minimum}.get(call.node.operator, torch.add)
    found = values[0]
    for value in values[1:]:
        found = in_wider(function, found, value)
    return found / len(values) if call.node.operator == "Mean" else found


@operator("Clip", given=(1, 2), inputs=(1, 3))
def _clip(call: Call, x: Tensor, low: Value = None, high: Value = None) -> Tensor:
    if call.opset < 11:
        # Before opset 11 the limits were attributes.
        return torch.clamp(x, call.number("min", float("-inf")), call.number("max", float("inf")))
    limits = [call.known_number(item) for item in (low, high)]
    if all(item is None or number is not None for item, number in zip((low, high), limits, strict=True)):
        if limits == [None, None]:
            return x
        if None not in limits and limits[0] > limits[1]:
            limits[0] = limits[1]
        return in_wider(lambda value: torch.clamp(value, *limits), x)
    for item, function in ((low, torch.maximum), (high, torch.minimum)):
        if item is not None:
            x = function(x, call.tensor(item))
    return x
