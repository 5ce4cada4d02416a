"""The operator `godot_executorch::layer_norm`: the last `dimensions` of a tensor are moved to mean 0 and variance 1.

The native side is native/src/kernels/layer_norm_operator.cpp. Importing this module imports torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from importer.kernels.recurrent import NAMESPACE

# torch.library has no types.
_torch_library: Any = torch.library
_library = _torch_library.Library(NAMESPACE, "FRAGMENT")
_ARGUMENTS = "Tensor input, int dimensions, Tensor? weight, Tensor? bias, float epsilon"


def _layer_norm(input: Tensor, dimensions: int, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Tensor:
    return torch.nn.functional.layer_norm(input, input.shape[-dimensions:], weight, bias, epsilon)


def _shape(input: Tensor, dimensions: int, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Tensor:
    return input.new_empty(input.shape)


_library.define(f"layer_norm({_ARGUMENTS}) -> Tensor")
_library.define(f"layer_norm.out({_ARGUMENTS}, *, Tensor(a!) out) -> Tensor(a!)")
_torch_library.impl(_library, "layer_norm", "CompositeExplicitAutograd")(_layer_norm)
_torch_library.register_fake(f"{NAMESPACE}::layer_norm", lib=_library)(_shape)
