"""Pools."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call, symbolic
from importer.sources.onnx.operators.layers.convolution import Window, window
from importer.sources.onnx.operators.shapes import padded
from importer.sources.onnx.registry import operator

_LOWEST = float("-inf")


@operator("GlobalAveragePool")
def _global_average(call: Call, x: Tensor) -> Tensor:
    return x.mean(list(range(2, x.dim())), keepdim=True)


@operator("GlobalMaxPool")
def _global_max(call: Call, x: Tensor) -> Tensor:
    return x.amax(list(range(2, x.dim())), keepdim=True)


@operator("GlobalLpPool")
def _global_lp(call: Call, x: Tensor) -> Tensor:
    p = call.integer("p", 2)
    return x.abs().pow(p).sum(list(range(2, x.dim())), keepdim=True).pow(1 / p)


@operator("MaxPool")
def _max_pool(call: Call, x: Tensor) -> list[Tensor]:
    shape = window(call, x, call.integers("kernel_shape"))
    wants_indices = len(call.node.outputs) > 1 and bool(call.node.outputs[1])
    ceil = bool(call.integer("ceil_mode", 0))
    is_integer = not x.is_floating_point()
    source = x.to(torch.float32) if is_integer else x
    fits = shape.is_symmetric and _within_half(shape) and not wants_indices
    pads = shape.begin
    if not fits:
        # A window that begins in the padding at the end does not count; then there is nothing to round up.
        begin, end = shape.begin, _ends(shape, x, ceil)
        source = padded(call, source, [0, 0, *begin], [0, 0, *end], value=_lowest(source))
        pads, ceil = [0] * shape.rank, False
    function: Any = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[min(shape.rank, 3) - 1]
    if shape.rank > 3:
        raise call.unsupported(f"{shape.rank} dimensions")
    made = function(source, shape.kernel, shape.strides, pads, shape.dilations, ceil, wants_indices)
    values = made[0] if wants_indices else made
    values = values.to(x.dtype) if is_integer else values
    return [values, _indices(call, x, source, made[1], shape)] if wants_indices else [values]


def _lowest(x: Tensor) -> float:
    return _LOWEST if x.is_floating_point() else float(torch.iinfo(x.dtype).min)


def _within_half(shape: Window) -> bool:
    return all(
        isinstance(pad, int) and 0 <= pad <= size // 2 for pad, size in zip(shape.begin, shape.kernel, strict=True)
    )


def _ends(shape: Window, x: Tensor, ceil: bool) -> list[Any]:
    """The padding at the end that also holds the last window when its number is rounded up."""
    if not ceil:
        return shape.end
    found = []
    for axis in range(shape.rank):
        size, step = x.shape[2 + axis], shape.strides[axis]
        reach = (shape.kernel[axis] - 1) * shape.dilations[axis] + 1
        span = size + shape.begin[axis] + shape.end[axis] - reach
        count = -(-span // step) + 1
        if isinstance(count, int) and (count - 1) * step >= size + shape.begin[axis]:
            count -= 1
        found.append(symbolic.sym_max(shape.end[axis], (count - 1) * step + reach - size - shape.begin[axis]))
    return found


def _indices(call: Call, x: Tensor, source: Tensor, places: Tensor, shape: Window) -> Tensor:
    """Places in the padded tensor as places in the tensor itself, over all dimensions."""
    inner, outer = list(x.shape[2:]), list(source.shape[2:])
    coordinates = []
    rest = places
    for size in reversed(outer):
        coordinates.append(rest % size)
        rest = rest // size
    coordinates.reverse()
    sizes = inner if not call.integer("storage_order", 0) else inner[::-1]
    ordered = [item - begin for item, begin in zip(coordinates, shape.begin, strict=True)]
    if call.integer("storage_order", 0):
        ordered = ordered[::-1]
    flat: Any = 0
    for item, size in zip(ordered, sizes, strict=True):
        flat = flat * size + item
    whole = 1
    for size in inner:
        whole = whole * size
    planes = torch.arange(x.shape[0] * x.shape[1]).reshape([x.shape[0], x.shape[1], *[1] * len(inner)])
    return torch.as_tensor(flat + planes * whole)


@operator("AveragePool")
def _average_pool(call: Call, x: Tensor) -> Tensor:
    return averaged(call, x)


def averaged(call: Call, x: Tensor) -> Tensor:
    """An average over windows by the node's attributes."""
    if call.integer("channels_last", 0):
        raise call.unsupported("channels_last")
    shape = window(call, x, call.integers("kernel_shape"))
    counts_padding = bool(call.integer("count_include_pad", 0))
    ceil = bool(call.integer("ceil_mode", 0))
    if shape.rank > 3:
        raise call.unsupported(f"{shape.rank} dimensions")
    plain = shape.is_symmetric and _within_half(shape) and set(shape.dilations) == {1} and not ceil
    if plain:
        return _averaged(x, shape, shape.begin, counts_padding)
    end = _ends(shape, x, ceil)
    ones = torch.ones_like(x[:1, :1])
    if counts_padding:  # what is added to round up does not count
        ones = padded(call, ones, [0, 0, *shape.begin], [0, 0, *shape.end], value=1.0)
        more = [last - first for last, first in zip(end, shape.end, strict=True)]
        ones = padded(call, ones, [0] * x.dim(), [0, 0, *more])
    else:
        ones = padded(call, ones, [0, 0, *shape.begin], [0, 0, *end])
    source = padded(call, x, [0, 0, *shape.begin], [0, 0, *end])
    return _summed(source, shape) / _summed(ones, shape)


def _averaged(x: Tensor, shape: Window, pads: list[Any], counts_padding: bool) -> Tensor:
    function: Any = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[shape.rank - 1]
    made: Tensor = function(x, shape.kernel, shape.strides, pads, False, counts_padding)
    return made


def _summed(x: Tensor, shape: Window) -> Tensor:
    """The sum in each window; a convolution with ones when the window has gaps."""
    count = 1
    for size in shape.kernel:
        count *= size
    if set(shape.dilations) == {1}:
        return _averaged(x, shape, [0] * shape.rank, True) * count
    function: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[shape.rank - 1]
    weight = torch.ones([x.shape[1], 1, *shape.kernel], dtype=x.dtype)
    made: Tensor = function(x, weight, None, shape.strides, 0, shape.dilations, x.shape[1])
    return made


@operator("LpPool")
def _lp_pool(call: Call, x: Tensor) -> Tensor:
    shape = window(call, x, call.integers("kernel_shape"))
    p = call.integer("p", 2)
    end = _ends(shape, x, bool(call.integer("ceil_mode", 0)))
    source = padded(call, x.abs().pow(p), [0, 0, *shape.begin], [0, 0, *end])
    return _summed(source, shape).pow(1 / p)


@operator("MaxUnpool", given=(2,), inputs=(2, 3))
def _max_unpool(call: Call, x: Tensor, indices: Tensor, size: Any = None) -> Tensor:
    shape = window(call, x, call.integers("kernel_shape"))
    inferred = [
        (x.shape[2 + axis] - 1) * shape.strides[axis] - shape.begin[axis] - shape.end[axis] + shape.kernel[axis]
        for axis in range(shape.rank)
    ]
    made = _scattered(x, indices, [*x.shape[:2], *inferred])
    if size is None:
        return made
    wanted = call.sizes(size)
    call.check_elements(wanted)
    return _scattered(x, indices, wanted)


def _scattered(x: Tensor, indices: Tensor, shape: list[Any]) -> Tensor:
    flat = torch.zeros(shape, dtype=x.dtype).reshape(-1)
    return torch.scatter(flat, 0, indices.reshape(-1), x.reshape(-1)).reshape(shape)
