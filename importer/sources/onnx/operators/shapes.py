"""Operators that move elements and change shapes or dtypes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator
from importer.sources.onnx.tensors import torch_dtype
from importer.sources.onnx.values import Constant, Quantized, Shifted, Sizes, Value, Whole

_FAR = 1 << 31  # of a slice: to the end, whatever the length


@operator("Identity", given=None)
def _identity(call: Call, x: Value) -> Value:
    return x


@operator("Dropout", given=None, inputs=(1, 3))
def _dropout(call: Call, x: Value, ratio: Value = None, training: Value = None) -> list[Value]:
    if training is not None and call.known_number(training) not in (False, 0):
        raise call.unsupported("training_mode")
    if len(call.node.outputs) < 2:
        return [x]
    return [x, torch.ones_like(call.tensor(x), dtype=torch.bool)]


@operator("Shape", given=None)
def _shape(call: Call, x: Value) -> Value:
    shape = list(_plain(call, x).shape)
    begin, end = call.integer("start", 0), call.integer("end", len(shape))
    return _sizes(call, shape[begin:end])


@operator("Size", given=None)
def _size(call: Call, x: Value) -> Value:
    count: Any = 1
    for size in _plain(call, x).shape:
        count = count * size
    if call.module.fixed or isinstance(x, Constant):
        return Constant(torch.tensor(count))
    holder = np.empty((), dtype=object)
    holder[...] = count
    return Sizes(holder)


def _plain(call: Call, x: Value) -> Tensor:
    """A tensor of which only the shape is looked at."""
    if isinstance(x, Constant):
        return x.tensor
    if isinstance(x, Quantized):
        return x.numbers.tensor
    return x.tensor if isinstance(x, (Shifted, Whole)) else call.tensor(x)


def _sizes(call: Call, shape: list[Any]) -> Value:
    if call.module.fixed or call.folding:
        return Constant(torch.tensor(shape, dtype=torch.int64))
    return Sizes.of(shape)


@operator("Cast", "CastLike", given=None, inputs=(1, 2))
def _cast(call: Call, value: Value, like: Value = None) -> Value:
    x = call.tensor(value)
    dtype = call.tensor(like).dtype if like is not None else torch_dtype(call.integer("to"), str(call.node))
    if x.is_floating_point() and dtype in (torch.uint8, torch.uint16, torch.uint32, torch.int8, torch.int16):
        return x.to(torch.int64).to(dtype)  # a negative number wraps
    return x.to(dtype)


@operator("Reshape", given=(1,), inputs=(1, 2))
def _reshape(call: Call, x: Tensor, shape: Value = None) -> Tensor:
    sizes = call.integers("shape") if shape is None else call.sizes(shape)
    keeps = not call.integer("allowzero", 0)
    wanted: list[Any] = []
    for axis, size in enumerate(sizes):
        copies = keeps and isinstance(size, int) and size == 0
        if copies and axis >= x.dim():
            raise call.fails(f"copies the size of dimension {axis} of a tensor of {x.dim()} dimensions")
        wanted.append(x.shape[axis] if copies else size)
    if len(wanted) == 2 < x.dim() and not call.folding:
        x = in_one_row(call, x)
    return x.reshape(wanted)


def in_one_row(call: Call, x: Tensor) -> Tensor:
    """The elements in one dimension where sizes vary: torch makes no conditions when it divides this one."""
    return x if call.module.fixed else x.contiguous().reshape(-1)


@operator("Flatten")
def _flatten(call: Call, x: Tensor) -> Tensor:
    axis = call.integer("axis", 1)
    axis = axis + x.dim() if axis < 0 else axis
    rows: Any = 1
    for size in x.shape[:axis]:
        rows = rows * size
    columns: Any = 1
    for size in x.shape[axis:]:
        columns = columns * size
    return (x if call.folding or x.dim() < 3 else in_one_row(call, x)).reshape(rows, columns)


@operator("Transpose", given=(0,))
def _transpose(call: Call, value: Value) -> Value:
    plain = _plain(call, value)
    order = call.integers("perm", list(range(plain.dim()))[::-1])
    if isinstance(value, Quantized):
        numbers = call.module.derived(value.numbers, f"permuted_{order}", lambda item: item.permute(order))
        return replace(value, numbers=numbers, axis=None if value.axis is None else order.index(value.axis))
    return call.tensor(value).permute(order)


@operator("Unsqueeze", given=(1,), inputs=(1, 2))
def _unsqueeze(call: Call, x: Tensor, axes: Value = None) -> Tensor:
    places = call.integers("axes") if axes is None else call.sizes(axes)
    rank = x.dim() + len(places)
    if len({axis % rank for axis in places}) != len(places) or any(not -rank <= axis < rank for axis in places):
        raise call.fails(f"inserts dimensions at {places}")
    for axis in sorted(axis % rank for axis in places):
        x = x.unsqueeze(axis)
    return x


@operator("Squeeze", given=(1,), inputs=(1, 2))
def _squeeze(call: Call, x: Tensor, axes: Value = None) -> Tensor:
    if axes is None and not call.has("axes"):
        places = [axis for axis, size in enumerate(x.shape) if isinstance(size, int) and size == 1]
    else:
        places = call.integers("axes") if axes is None else call.sizes(axes)
    return x.squeeze([axis % x.dim() for axis in places]) if places else x


@operator("Concat", inputs=(1, 10_000))
def _concat(call: Call, *values: Tensor) -> Tensor:
    return torch.cat(values, call.integer("axis"))


@operator("Split", given=(1,), inputs=(1, 2))
def _split(call: Call, x: Tensor, parts: Value = None) -> list[Tensor]:
    axis = call.integer("axis", 0)
    if parts is not None or call.has("split"):
        lengths = call.sizes(parts) if parts is not None else call.integers("split")
    else:
        count = call.integer("num_outputs", len(call.node.outputs))
        whole = -(-x.shape[axis] // count)
        lengths = [whole] * (count - 1) + [x.shape[axis] - whole * (count - 1)]
    return list(torch.split(x, lengths, axis))


@operator("Slice", given=(1, 2, 3, 4), inputs=(1, 5))
def _slice(
    call: Call, x: Tensor, starts: Value = None, ends: Value = None, axes: Value = None, steps: Value = None
) -> Tensor:
    begins = call.integers("starts") if starts is None else call.sizes(starts)
    lasts = call.integers("ends") if ends is None else call.sizes(ends)
    default = call.integers("axes", list(range(len(begins))))
    places = default if axes is None else call.sizes(axes)
    strides = [1] * len(begins) if steps is None else call.sizes(steps)
    if not len(begins) == len(lasts) == len(places) == len(strides):
        raise call.fails("has starts, ends, axes and steps of different lengths")
    for begin, end, axis, step in zip(begins, lasts, places, strides, strict=True):
        if step == 0:
            raise call.fails("has a step of 0")
        x = _cut(x, axis % x.dim(), begin, end, step)
    return x


def _cut(x: Tensor, axis: int, begin: Any, end: Any, step: int) -> Tensor:
    length = x.shape[axis]
    if step > 0:
        if isinstance(end, int) and end >= _FAR:
            end = None
        if isinstance(begin, int) and isinstance(length, int):
            begin = max(0, begin + length if begin < 0 else begin)
        index: list[Any] = [slice(None)] * axis + [slice(begin, end, step)]
        return x[tuple(index)]
    # torch has no negative steps.
    if isinstance(begin, int) and isinstance(end, int):
        if step == -1 and (begin == -1 or begin >= _FAR) and end <= -_FAR:
            return x.flip(axis)  # also of a length that varies
        # Unlike Python's, ONNX's first element is never before the beginning.
        begin, end = max(begin, -length), None if end < -length else end
    places = range(length)[slice(begin, end, step)]
    if places == range(length)[::-1]:
        return x.flip(axis)
    return x.index_select(axis, torch.tensor(list(places), dtype=torch.int64))


@operator("Expand", given=(1,), inputs=(2, 2))
def _expand(call: Call, x: Tensor, shape: Value) -> Tensor:
    wanted = call.sizes(shape)
    call.check_elements(wanted)
    rank = max(len(wanted), x.dim())
    own: list[Any] = [1] * (rank - x.dim()) + list(x.shape)
    given: list[Any] = [1] * (rank - len(wanted)) + wanted
    return x.expand(
        [left if isinstance(right, int) and right == 1 else right for left, right in zip(own, given, strict=True)]
    )


@operator("Tile", given=(1,), inputs=(2, 2))
def _tile(call: Call, x: Tensor, repeats: Value) -> Tensor:
    counts = call.sizes(repeats)
    call.check_elements([*x.shape, *counts])
    return x.repeat(counts)


@operator("Pad", given=(1, 2, 3), inputs=(1, 4))
def _pad(call: Call, x: Tensor, pads: Value = None, value: Value = None, axes: Value = None) -> Tensor:
    amounts = call.integers("pads") if pads is None else call.sizes(pads)
    places = [axis % x.dim() for axis in call.sizes(axes)] if axes is not None else list(range(x.dim()))
    if len(amounts) != 2 * len(places):
        raise call.fails(f"pads {len(places)} dimensions with {len(amounts)} numbers")
    begin, end = [0] * x.dim(), [0] * x.dim()
    for index, axis in enumerate(places):
        begin[axis], end[axis] = amounts[index], amounts[index + len(places)]
    mode = call.text("mode", "constant")
    filled = call.number("value", 0.0) if value is None else _number(call, value)
    return padded(call, x, begin, end, mode, filled)


def _number(call: Call, value: Value) -> Any:
    found = call.sizes(value)
    return found[0] if found else 0.0


def padded(call: Call, x: Tensor, begin: list[Any], end: list[Any], mode: str = "constant", value: Any = 0.0) -> Tensor:
    """Each dimension with so many elements more, or fewer, before and after it."""
    for axis, (first, last) in enumerate(zip(begin, end, strict=True)):
        lengths = [value for value in (first, last) if isinstance(value, int)]
        if any(length < 0 for length in lengths):
            size = x.shape[axis]
            x = x.narrow(axis, max(0, -first), size - max(0, -first) - max(0, -last))
    first_positive = [max(0, item) if isinstance(item, int) else item for item in begin]
    last_positive = [max(0, item) if isinstance(item, int) else item for item in end]
    call.check_elements(
        [size + left + right for size, left, right in zip(x.shape, first_positive, last_positive, strict=True)]
    )
    if mode == "constant":
        flat = [item for pair in zip(reversed(first_positive), reversed(last_positive), strict=True) for item in pair]
        while len(flat) > 2 and _is_zero(flat[-1]) and _is_zero(flat[-2]):
            flat = flat[:-2]
        if all(_is_zero(item) for item in flat):
            return x
        return functional.pad(x, flat, value=value)
    if mode not in ("reflect", "edge", "wrap"):
        raise call.unsupported(f"the mode {mode}")
    for axis, (first, last) in enumerate(zip(first_positive, last_positive, strict=True)):
        if not (_is_zero(first) and _is_zero(last)):
            x = _mirrored(call, x, axis, first, last, mode)
    return x


def _is_zero(value: Any) -> bool:
    return isinstance(value, int) and value == 0


def _mirrored(call: Call, x: Tensor, axis: int, first: Any, last: Any, mode: str) -> Tensor:
    size = x.shape[axis]
    if isinstance(size, int):
        names = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}
        places = np.pad(np.arange(size), (first, last), mode=names[mode])  # type: ignore[call-overload]
        return x.index_select(axis, torch.from_numpy(places.astype(np.int64)))
    place = torch.arange(-first, size + last)
    if mode == "edge":
        place = place.clamp(0, size - 1)
    elif mode == "wrap":
        place = torch.remainder(place, size)
    else:
        place = (size - 1) - ((size - 1) - place.abs()).abs()
    return x.index_select(axis, place)


@operator("DepthToSpace")
def _depth_to_space(call: Call, x: Tensor) -> Tensor:
    size = call.integer("blocksize")
    batch, channels, height, width = x.shape
    if call.text("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(x, size)
    x = x.reshape(batch, size, size, channels // (size * size), height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // (size * size), height * size, width * size)


@operator("SpaceToDepth")
def _space_to_depth(call: Call, x: Tensor) -> Tensor:
    size = call.integer("blocksize")
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height // size, size, width // size, size)
    if call.text("mode", "DCR") == "CRD":
        return x.permute(0, 1, 3, 5, 2, 4).reshape(batch, channels * size * size, height // size, width // size)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(batch, channels * size * size, height // size, width // size)


@operator("Trilu", given=(1,), inputs=(1, 2))
def _trilu(call: Call, x: Tensor, k: Value = None) -> Tensor:
    shift = 0 if k is None else call.size(k)
    rows, columns = x.shape[-2], x.shape[-1]
    # Written so that it needs no kernel of its own.
    distance = torch.arange(columns).unsqueeze(0) - torch.arange(rows).unsqueeze(1)
    keep = distance >= shift if call.integer("upper", 1) else distance <= shift
    return torch.where(keep, x, torch.zeros_like(x))


@operator("ReverseSequence", inputs=(2, 2))
def _reverse_sequence(call: Call, x: Tensor, lengths: Tensor) -> Tensor:
    time, batch = call.integer("time_axis", 0), call.integer("batch_axis", 1)
    if {time, batch} != {0, 1}:
        raise call.unsupported(f"time_axis {time} and batch_axis {batch}")
    steps = torch.arange(x.shape[time])
    steps, ends = (
        (steps.unsqueeze(1), lengths.unsqueeze(0)) if time == 0 else (steps.unsqueeze(0), lengths.unsqueeze(1))
    )
    place = torch.where(steps < ends, ends - 1 - steps, steps)
    place = place.reshape(*place.shape, *[1] * (x.dim() - 2)).expand(x.shape)
    return torch.gather(x, time, place)


@operator("Optional", given=None, inputs=(0, 1))
def _optional(call: Call, x: Value = None) -> Value:
    return x


@operator("OptionalGetElement", given=None)
def _get_element(call: Call, x: Value) -> Value:
    return x


@operator("OptionalHasElement", given=None, inputs=(0, 1))
def _has_element(call: Call, x: Value = None) -> Value:
    return Constant(torch.tensor(x is not None))
