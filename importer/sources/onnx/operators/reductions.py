"""Reductions over dimensions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Value

_Reduction = Callable[[Tensor, list[int], bool], Tensor]


def _product(x: Tensor, axes: list[int], keeps: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis, keepdim=keeps, dtype=x.dtype)
    return x


def _extreme(function: Callable[[Tensor, list[int], bool], Tensor]) -> _Reduction:
    def compute(x: Tensor, axes: list[int], keeps: bool) -> Tensor:
        if x.dtype == torch.bool:
            return function(x.to(torch.uint8), axes, keeps).to(torch.bool)
        return function(x, axes, keeps)

    return compute


_REDUCTIONS: dict[str, _Reduction] = {
    "ReduceSum": lambda x, axes, keeps: x.sum(axes, keeps, dtype=x.dtype),
    "ReduceMean": lambda x, axes, keeps: _mean(x, axes, keeps),
    "ReduceMax": _extreme(lambda x, axes, keeps: x.amax(axes, keeps)),
    "ReduceMin": _extreme(lambda x, axes, keeps: x.amin(axes, keeps)),
    "ReduceProd": _product,
    "ReduceL1": lambda x, axes, keeps: x.abs().sum(axes, keeps, dtype=x.dtype),
    "ReduceL2": lambda x, axes, keeps: _root(x, axes, keeps),
    "ReduceSumSquare": lambda x, axes, keeps: (x * x).sum(axes, keeps, dtype=x.dtype),
    "ReduceLogSum": lambda x, axes, keeps: x.sum(axes, keeps).log(),
    "ReduceLogSumExp": lambda x, axes, keeps: torch.logsumexp(x, axes, keeps),
}


def _mean(x: Tensor, axes: list[int], keeps: bool) -> Tensor:
    return x.mean(axes, keeps) if x.is_floating_point() else x.to(torch.float64).mean(axes, keeps).to(x.dtype)


def _root(x: Tensor, axes: list[int], keeps: bool) -> Tensor:
    total = (x * x).sum(axes, keeps, dtype=x.dtype)
    return total.sqrt() if x.is_floating_point() else total.to(torch.float64).sqrt().to(x.dtype)


def _register(name: str, function: _Reduction) -> None:
    @operator(name, given=(1,), inputs=(1, 2))
    def compute(call: Call, x: Tensor, axes: Value = None) -> Tensor:
        given = call.integers("axes", []) if axes is None else [int(item) for item in call.sizes(axes)]
        if not given and call.integer("noop_with_empty_axes", 0):
            return x if name not in ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum") else _alone(name, x)
        every = [axis % x.dim() for axis in given] or list(range(x.dim()))
        if not every:
            return _alone(name, x)
        return function(x, every, bool(call.integer("keepdims", 1)))


def _alone(name: str, x: Tensor) -> Tensor:
    """The reduction of one element."""
    if name in ("ReduceL1", "ReduceL2"):
        return x.abs()
    return x * x if name == "ReduceSumSquare" else x.log() if name == "ReduceLogSum" else x


for _name, _function in _REDUCTIONS.items():
    _register(_name, _function)
