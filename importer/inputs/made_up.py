"""Made-up inputs, the same every time: `make` returns the same values as the addon's
runtime/calls/generated_inputs.gd."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from importer.signature import Dimension, TensorSpec

_MASK = 0xFFFFFFFF
_MOST_INPUTS = 1 << 16


def make_all(inputs: Sequence[Mapping[str, Any]], call: int = 0) -> list[torch.Tensor]:
    """A tensor for each input of a method's metadata, of its largest size. Each `call` has other values."""
    return [make(item["dtype"], item["shape"], call * _MOST_INPUTS + place) for place, item in enumerate(inputs)]


def make(dtype: str, shape: Sequence[int], position: int) -> torch.Tensor:
    """A tensor for the input at `position`: floats in -1 to 1, uint8 0 to 255, other integers and truth values 0 and 1,
    which are valid indices of any table."""
    shape = [int(size) for size in shape]
    start = (position * 0x9E3779B9 + 0x7F4A7C15) & _MASK
    bits = _scramble((np.arange(math.prod(shape), dtype=np.uint64) + np.uint64(start)) & np.uint64(_MASK))
    kind: torch.dtype = getattr(torch, dtype)
    if kind.is_floating_point:
        values = torch.from_numpy((bits >> np.uint64(8)).astype(np.float32) / np.float32(1 << 23) - np.float32(1.0))
    else:
        values = torch.from_numpy((bits >> np.uint64(24 if dtype == "uint8" else 31)).astype(np.int64))
    return values.reshape(shape).to(kind)


def normal(shape: Sequence[int], position: int) -> torch.Tensor:
    """Standard normal floats."""
    even = make("float64", shape, position)
    return (torch.erfinv(even.clamp(-1 + 1e-6, 1 - 1e-6)) * math.sqrt(2)).to(torch.float32)


def integers(dtype: torch.dtype, shape: Sequence[int], position: int, bounds: tuple[int, int]) -> torch.Tensor:
    """Integers or truth values from bounds[0] to bounds[1]."""
    low, high = bounds
    even = (make("float64", shape, position) + 1) / 2
    return (low + (even * (high - low + 1)).floor().clamp(max=high - low)).to(dtype)


def example_shape(spec: TensorSpec) -> list[int]:
    """A shape inside the ranges. torch.export makes a dynamic size of 1 a constant, so it is at least 2."""
    return [example_size(dimension) for dimension in spec.dimensions]


def example_size(dimension: Dimension) -> int:
    if not dimension.is_dynamic:
        return dimension.maximum
    return min(dimension.maximum, max(2, dimension.minimum, min(dimension.maximum // 2, 16)))


def make_tensor(spec: TensorSpec, shape: list[int], like: Any = None) -> torch.Tensor:
    """A tensor of a spec's dtype: `like` when it fits, else values that most models accept."""
    dtype: torch.dtype = getattr(torch, spec.dtype)
    if isinstance(like, torch.Tensor) and list(like.shape) == shape and like.dtype == dtype:
        return like
    if dtype.is_floating_point:
        return normal(shape, len(shape)).to(dtype)
    if dtype is torch.uint8:
        return make("uint8", shape, len(shape))
    # A mask that hides everything leads to NaN, and an index of 0 is in every table.
    return torch.ones(shape, dtype=dtype) if dtype is torch.bool else torch.zeros(shape, dtype=dtype)


def _scramble(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number of 32 bits that looks random, for each number."""
    mask = np.uint64(_MASK)
    mixed = ((numbers ^ (numbers >> np.uint64(16))) * np.uint64(0x21F0AAAD)) & mask
    mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(0x735A2D97)) & mask
    scrambled: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(15))
    return scrambled
