"""Arithmetic on numbers that come from shapes: torch's symbols stay symbols, so that sizes may vary."""

from __future__ import annotations

import math
import operator as python
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from importer.sources.onnx.call import Call
from importer.sources.onnx.tensors import torch_dtype
from importer.sources.onnx.values import Constant, Sizes, Value

MOST_NUMBERS = 1024
_torch: Any = torch  # its functions on symbols have no types
_Function = Callable[[Call, list[Any]], Any]


def on_sizes(call: Call, given: list[Value]) -> list[Value] | None:
    """The results of a node whose inputs are sizes and constants; nothing when it must be computed with tensors."""
    function = _FUNCTIONS.get(call.node.operator) if not call.node.domain else None
    if function is None or not all(value is None or isinstance(value, (Sizes, Constant)) for value in given):
        return None
    if call.node.operator in _FIRST_ONLY and not isinstance(given[0], Sizes):
        return None
    if any(isinstance(value, Constant) and value.tensor.numel() > MOST_NUMBERS for value in given):
        return None
    arrays = [_array(value) for value in given]
    made = function(call, arrays)
    if made is None:
        return None
    dtype = _dtype(call, given)
    return [Sizes(np.asarray(item, dtype=object), dtype) for item in (made if isinstance(made, list) else [made])]


def _array(value: Value) -> Any:
    if value is None:
        return None
    if isinstance(value, Constant):
        return np.array(value.numbers(), dtype=object).reshape(tuple(value.tensor.shape))
    assert isinstance(value, Sizes)
    return value.numbers


def _dtype(call: Call, given: list[Value]) -> torch.dtype:
    name = call.node.operator
    if name == "Cast":
        return torch_dtype(call.integer("to"), str(call.node))
    if name in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not", "And", "Or"):
        return torch.bool
    if name in ("Shape", "Size"):
        return torch.int64
    values = [value for value in (given[1:] if name == "Where" else given) if value is not None]
    first = values[0]
    return first.dtype if isinstance(first, Sizes) else first.tensor.dtype  # type: ignore[union-attr]


def _each(function: Callable[..., Any]) -> _Function:
    vectorized = np.frompyfunc

    def compute(call: Call, arrays: list[Any]) -> Any:
        return vectorized(function, len(arrays), 1)(*arrays)

    return compute


def _divided(left: Any, right: Any) -> Any:
    whole = all(isinstance(value, (int, torch.SymInt)) for value in (left, right))
    return left // right if whole else left / right


def _truth(compare: Callable[[Any, Any], Any]) -> _Function:
    return _each(lambda left, right: bool(compare(left, right)))


def _cast(call: Call, arrays: list[Any]) -> Any:
    dtype = torch_dtype(call.integer("to"), str(call.node))
    if dtype == torch.bool:
        return np.frompyfunc(lambda value: bool(value != 0), 1, 1)(arrays[0])
    if dtype.is_floating_point:
        return np.frompyfunc(torch.sym_float, 1, 1)(arrays[0])
    return np.frompyfunc(torch.sym_int, 1, 1)(arrays[0])


def _axes(call: Call, arrays: list[Any]) -> list[int] | None:
    if call.has("axes"):
        return call.integers("axes")
    if len(arrays) > 1 and arrays[1] is not None:
        return [int(value) for value in arrays[1].reshape(-1)]
    return None


def _unsqueeze(call: Call, arrays: list[Any]) -> Any:
    axes = _axes(call, arrays) or []
    rank = arrays[0].ndim + len(axes)
    return np.expand_dims(arrays[0], tuple(axis % rank for axis in axes))


def _squeeze(call: Call, arrays: list[Any]) -> Any:
    axes = _axes(call, arrays)
    return np.squeeze(arrays[0], None if axes is None else tuple(axes))


def _gather(call: Call, arrays: list[Any]) -> Any:
    return np.take(arrays[0], arrays[1].astype(np.int64), axis=call.integer("axis", 0))


def _slice(call: Call, arrays: list[Any]) -> Any:
    if arrays[0].ndim != 1:
        return None
    if call.has("starts"):
        begin, end, step = call.integers("starts")[0], call.integers("ends")[0], 1
    else:
        begin, end = int(arrays[1].reshape(-1)[0]), int(arrays[2].reshape(-1)[0])
        step = int(arrays[4].reshape(-1)[0]) if len(arrays) > 4 and arrays[4] is not None else 1
    length = len(arrays[0])
    if step > 0:
        return arrays[0][slice(begin, end, step)]
    # Unlike numpy's, ONNX's first element is never before the beginning.
    return arrays[0][slice(max(begin, -length), None if end < -length else end, step)]


def _concat(call: Call, arrays: list[Any]) -> Any:
    return np.concatenate(arrays, axis=call.integer("axis"))


def _reshape(call: Call, arrays: list[Any]) -> Any:
    return arrays[0].reshape([int(value) for value in arrays[1].reshape(-1)])


def _reduced(function: Callable[[Any, Any], Any]) -> _Function:
    def compute(call: Call, arrays: list[Any]) -> Any:
        if arrays[0].ndim > 1 or not arrays[0].size:
            return None
        found = arrays[0].reshape(-1)[0]
        for value in arrays[0].reshape(-1)[1:]:
            found = function(found, value)
        keep = call.integer("keepdims", 1) and arrays[0].ndim
        holder = np.empty((1,) if keep else (), dtype=object)
        holder[...] = found
        return holder

    return compute


def _split(call: Call, arrays: list[Any]) -> Any:
    if arrays[0].ndim != 1:
        return None
    if len(arrays) > 1 and arrays[1] is not None:
        parts = [int(value) for value in arrays[1]]
    else:
        count = len(call.node.outputs)
        parts = call.integers("split", [-(-len(arrays[0]) // count)] * count)
    return np.split(arrays[0], np.cumsum(parts)[:-1])


def _many(function: Callable[[Any, Any], Any]) -> _Function:
    def compute(call: Call, arrays: list[Any]) -> Any:
        found = arrays[0]
        for other in arrays[1:]:
            found = np.frompyfunc(function, 2, 1)(found, other)
        return found

    return compute


def _expand(call: Call, arrays: list[Any]) -> Any:
    shape = list(arrays[1].reshape(-1))
    if not all(isinstance(value, int) for value in shape) or math.prod(shape) > MOST_NUMBERS:
        return None
    return np.broadcast_to(arrays[0], np.broadcast_shapes(arrays[0].shape, tuple(shape)))


def _constant_of_shape(call: Call, arrays: list[Any]) -> Any:
    shape = list(arrays[0].reshape(-1))
    if call.has("value") and call.tensor_attribute("value").dtype != torch.int64:
        return None
    if not call.has("value") or not all(isinstance(value, int) for value in shape) or math.prod(shape) > 16:
        return None
    return np.full(shape, call.tensor_attribute("value").item(), dtype=object)


_FIRST_ONLY = ("Reshape", "Squeeze", "Unsqueeze", "Expand", "Slice", "Split", "Gather")
_FUNCTIONS: dict[str, _Function] = {
    "Identity": lambda call, arrays: arrays[0],
    "Add": _each(python.add),
    "Sub": _each(python.sub),
    "Mul": _each(python.mul),
    "Div": _each(_divided),
    "Mod": _each(python.mod),
    "Neg": _each(python.neg),
    "Abs": _each(abs),
    "Pow": _each(python.pow),
    "Floor": _each(lambda value: _torch.sym_float(math.floor(value))),
    "Ceil": _each(lambda value: _torch.sym_float(math.ceil(value))),
    "Sqrt": _each(torch.sym_sqrt if hasattr(torch, "sym_sqrt") else math.sqrt),
    "Equal": _truth(python.eq),
    "Less": _truth(python.lt),
    "LessOrEqual": _truth(python.le),
    "Greater": _truth(python.gt),
    "GreaterOrEqual": _truth(python.ge),
    "And": _truth(lambda left, right: bool(left) and bool(right)),
    "Or": _truth(lambda left, right: bool(left) or bool(right)),
    "Not": _each(lambda value: not bool(value)),
    "Where": _each(lambda condition, left, right: left if bool(condition) else right),
    "Max": _many(torch.sym_max),
    "Min": _many(torch.sym_min),
    "Cast": _cast,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Reshape": _reshape,
    "Split": _split,
    "Expand": _expand,
    "ConstantOfShape": _constant_of_shape,
    "Shape": lambda call, arrays: np.array(arrays[0].shape, dtype=object),
    "Size": lambda call, arrays: np.array(arrays[0].size, dtype=object),
    "Transpose": lambda call, arrays: arrays[0] if arrays[0].ndim == 1 else None,
    "ReduceProd": _reduced(python.mul),
    "ReduceSum": _reduced(python.add),
    "ReduceMax": _reduced(torch.sym_max),
    "ReduceMin": _reduced(torch.sym_min),
}
