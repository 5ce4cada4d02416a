"""The values of an ONNX graph while it is computed. Importing this module imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import _disable_current_modes

Size = Any
"""A number, or one that torch.export keeps as a symbol."""


def untraced() -> Any:
    """Inside, torch computes at once, and nothing becomes part of an exported program."""
    return _disable_current_modes()


class Constant:
    """A tensor that does not depend on an input."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        self._numbers: list[Any] | None = None

    def numbers(self) -> list[Any]:
        """Its elements as Python's numbers; torch.export does not see that they are read."""
        if self._numbers is None:
            with untraced():
                self._numbers = self.tensor.reshape(-1).tolist()
        return list(self._numbers or [])

    def __deepcopy__(self, memo: Any) -> Constant:
        return self  # it never changes, and the module finds it by its identity


@dataclass(frozen=True)
class Sizes:
    """Numbers that come from shapes, which vary: an array of ints, floats and torch's symbols of one dtype."""

    numbers: NDArray[Any]
    dtype: torch.dtype = torch.int64

    @staticmethod
    def of(values: Any, dtype: torch.dtype = torch.int64) -> Sizes:
        numbers = np.empty(len(values), dtype=object)
        for index, value in enumerate(values):
            numbers[index] = value
        return Sizes(numbers, dtype)

    @property
    def is_known(self) -> bool:
        """Whether no symbol is among them."""
        return all(isinstance(value, (int, float, bool)) for value in self.numbers.reshape(-1))


@dataclass(frozen=True)
class Shifted:
    """Unsigned quantized values as torch's int8: `tensor` is 128 below them, which XNNPACK computes with."""

    tensor: torch.Tensor


@dataclass(frozen=True)
class Whole:
    """Quantized values that no kernel takes, such as 16 bits, as floats: `tensor` holds whole numbers of `dtype`."""

    tensor: torch.Tensor
    dtype: torch.dtype


@dataclass(frozen=True)
class Quantized:
    """Weights that stay int8: `(numbers - zero) * scale`, along an axis or with one scale for all."""

    numbers: Constant
    scale: Constant
    zero: Constant
    axis: int | None

    def floats(self, numbers: torch.Tensor) -> torch.Tensor:
        shape = [-1 if item == self.axis else 1 for item in range(numbers.dim())]
        scale, zero = (item.tensor.to(torch.float32).reshape(shape) for item in (self.scale, self.zero))
        return (numbers.to(torch.float32) - zero) * scale


@dataclass(frozen=True)
class Sequence:
    """A list of values."""

    items: tuple[Any, ...]


Value = torch.Tensor | Constant | Sizes | Shifted | Whole | Quantized | Sequence | None
