"""Operators that select elements by indices, sort, or write to places."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Constant, Sizes, Value, untraced


def places(call: Call, value: Value, size: Any, wraps: bool = True) -> Tensor:
    """Indices as int64 with negative ones counted from the end."""
    known = call.constant(value)
    if known is not None and isinstance(size, int):
        return call.derived(value, f"places_{size}", lambda item: torch.where(item < 0, item + size, item).long())
    index = call.tensor(value)
    index = index if index.dtype in (torch.int64, torch.int32) else index.to(torch.int64)
    return torch.where(index < 0, index + size, index) if wraps else index


@operator("Gather", given=(0, 1), inputs=(2, 2))
def _gather(call: Call, data: Value, indices: Value) -> Tensor:
    x = call.tensor(data)
    axis = call.integer("axis", 0) % max(1, x.dim())
    if isinstance(indices, Constant) and indices.tensor.dim() == 0:
        return x.select(axis, int(indices.numbers()[0]))
    if isinstance(indices, Sizes) and indices.numbers.ndim == 0:
        return x.select(axis, indices.numbers.item())
    # A model does not index its own tables from the end with a game's numbers.
    index = places(call, indices, x.shape[axis], wraps=not isinstance(data, Constant))
    if axis == 0 and x.dim() == 2 and x.is_floating_point():
        return functional.embedding(index, x)
    flat = x.index_select(axis, index.reshape(-1))
    return flat.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])


@operator("GatherElements", given=(1,), inputs=(2, 2))
def _gather_elements(call: Call, x: Tensor, indices: Value) -> Tensor:
    axis = call.integer("axis", 0)
    return torch.gather(x, axis, places(call, indices, x.shape[axis]).long())


@operator("GatherND", given=(1,), inputs=(2, 2))
def _gather_nd(call: Call, x: Tensor, indices: Value) -> Tensor:
    batch = call.integer("batch_dims", 0)
    index = call.tensor(indices).long()
    depth = int(index.shape[-1])
    parts: list[Tensor] = []
    for axis in range(batch):
        shape = [1] * (index.dim() - 1)
        shape[axis] = -1
        parts.append(torch.arange(x.shape[axis]).reshape(shape))
    for axis in range(depth):
        part = index[..., axis]
        parts.append(torch.where(part < 0, part + x.shape[batch + axis], part))
    return x[tuple(parts)]


@operator("ScatterElements", "Scatter", given=(1,), inputs=(3, 3))
def _scatter_elements(call: Call, x: Tensor, indices: Value, updates: Tensor) -> Tensor:
    axis, how = call.integer("axis", 0), call.text("reduction", "none")
    index = places(call, indices, x.shape[axis]).long()
    if how == "none":
        return torch.scatter(x, axis, index, updates)
    if how == "add":
        return torch.scatter_add(x, axis, index, updates)
    names = {"mul": "prod", "max": "amax", "min": "amin"}
    if how not in names:
        raise call.unsupported(f"the reduction {how}")
    return torch.scatter_reduce(x, axis, index, updates, names[how], include_self=True)


@operator("ScatterND", given=(1,), inputs=(3, 3))
def _scatter_nd(call: Call, x: Tensor, indices: Value, updates: Tensor) -> Tensor:
    how = call.text("reduction", "none")
    index = call.tensor(indices).long()
    depth = int(index.shape[-1])
    flat_index: Any = 0
    rows: Any = 1
    for axis in range(depth):
        part = index[..., axis]
        flat_index = flat_index * x.shape[axis] + torch.where(part < 0, part + x.shape[axis], part)
        rows = rows * x.shape[axis]
    rest = list(x.shape[depth:])
    flat = x.reshape([rows, *rest])
    where = flat_index.reshape(-1)
    new = updates.reshape([where.shape[0], *rest])
    where = where.reshape([-1, *[1] * len(rest)]).expand(new.shape)
    if how == "none":
        made = torch.scatter(flat, 0, where, new)
    elif how == "add":
        made = torch.scatter_add(flat, 0, where, new)
    elif how in ("mul", "max", "min"):
        kind = {"mul": "prod", "max": "amax", "min": "amin"}[how]
        made = torch.scatter_reduce(flat, 0, where, new, kind, include_self=True)
    else:
        raise call.unsupported(f"the reduction {how}")
    return made.reshape(x.shape)


@operator("OneHot", given=(1, 2), inputs=(3, 3))
def _one_hot(call: Call, indices: Tensor, depth: Value, values: Value) -> Tensor:
    size = int(call.size(depth))
    call.check_elements([*indices.shape, size])
    axis = call.integer("axis", -1) % (indices.dim() + 1)
    both = call.tensor(values)
    index = indices.to(torch.int64)
    index = torch.where(index < 0, index + size, index).unsqueeze(axis)
    shape = [1] * index.dim()
    shape[axis] = size
    return torch.where(index == torch.arange(size).reshape(shape), both[1], both[0])


@operator("TopK", given=(1,), inputs=(1, 2))
def _top_k(call: Call, x: Tensor, k: Value = None) -> tuple[Tensor, Tensor]:
    count = call.integer("k") if k is None else int(call.size(k))
    largest, in_order = bool(call.integer("largest", 1)), bool(call.integer("sorted", 1))
    axis = call.integer("axis", -1)
    if len(call.node.outputs) < 2 or not call.node.outputs[1] or x.dtype == torch.uint64:
        return torch.topk(x, count, axis, largest, in_order)
    indices = torch.topk(_without_ties(x, axis, largest), count, axis, largest, in_order)[1]
    return torch.gather(x, axis, indices), indices


def _without_ties(x: Tensor, axis: int, largest: bool) -> Tensor:
    """The values with each moved by less than the next one is away: of equal ones the first is taken first."""
    shape = [1] * x.dim()
    shape[axis] = -1
    place = torch.arange(x.shape[axis]).reshape(shape)
    if not x.is_floating_point():
        apart = x.to(torch.int64) * x.shape[axis]
        return apart - place if largest else apart + place
    place = place.to(torch.float64)
    exact = x.to(torch.float64)
    if x.dtype != torch.float64:
        exact = exact.clamp(-(2.0**130), 2.0**130)  # infinities, farther out than every number
    size = exact.abs().clamp(max=1e300)
    moved = place * (size * 2.0**-50 + 2.0**-400)
    return exact - moved if largest else exact + moved


@operator("ArgMax", "ArgMin")
def _arg_max(call: Call, x: Tensor) -> Tensor:
    axis, keeps = call.integer("axis", 0), bool(call.integer("keepdims", 1))
    function = torch.argmax if call.node.operator == "ArgMax" else torch.argmin
    if not call.integer("select_last_index", 0):
        return function(x, axis, keeps)
    return x.shape[axis] - 1 - function(x.flip(axis), axis, keeps)


@operator("NonZero", given=None)
def _non_zero(call: Call, x: Value) -> Tensor:
    known = call.constant(x)
    if known is None:
        raise call.needs_value(x)
    with untraced():
        return torch.nonzero(known).t().contiguous()


@operator("Compress", given=(1,), inputs=(2, 2))
def _compress(call: Call, x: Tensor, condition: Value) -> Tensor:
    known = call.constant(condition)
    if known is None:
        raise call.needs_value(condition)
    with untraced():
        kept = torch.nonzero(known.reshape(-1)).reshape(-1)
    if not call.has("axis"):
        return x.reshape(-1).index_select(0, kept)
    return x.index_select(call.integer("axis"), kept)


@operator("Unique", given=None)
def _unique(call: Call, x: Value) -> list[Tensor]:
    known = call.constant(x)
    if known is None:
        raise call.needs_value(x)
    axis = call.integer("axis") if call.has("axis") else None
    found, inverse, counts = torch.unique(known, return_inverse=True, return_counts=True, dim=axis)
    inverse = inverse.reshape(-1)
    size = counts.numel()
    first = torch.full((size,), inverse.numel()).scatter_reduce(0, inverse, torch.arange(inverse.numel()), "amin")
    if not call.integer("sorted", 1):
        order = torch.argsort(first)
        rank = torch.argsort(order)
        found = found.index_select(axis or 0, order)
        first, counts, inverse = first[order], counts[order], rank[inverse]
    return [found, first, inverse, counts]


@operator("CumSum", "CumProd", given=(1,), inputs=(2, 2))
def _cum_sum(call: Call, x: Tensor, axis: Value) -> Any:
    along = int(call.size(axis)) % x.dim()
    function: Any = torch.cumsum if call.node.operator == "CumSum" else torch.cumprod
    turned = x.flip(along) if call.integer("reverse", 0) else x
    total = function(turned, along, dtype=x.dtype)
    if call.integer("exclusive", 0):
        start = torch.full_like(turned.narrow(along, 0, 1), 0 if call.node.operator == "CumSum" else 1)
        total = torch.cat([start, total.narrow(along, 0, x.shape[along] - 1)], along)
    return total.flip(along) if call.integer("reverse", 0) else total
