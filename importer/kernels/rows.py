"""The operators `godot_executorch::take_rows`, `put_rows` and `add_rows`: whole rows of a table's first dimension.

`index` is int32 or int64; a negative one counts from the end. `take_rows` gives index.shape + table.shape[1:]. The
others change a copy of `base`: its row index[i] becomes source[i], or source[i] is added to it.
The native side is native/src/kernels/rows_operators.cpp. Importing this module imports torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from importer.kernels.recurrent import NAMESPACE

# torch.library has no types.
_torch_library: Any = torch.library
_library = _torch_library.Library(NAMESPACE, "FRAGMENT")
SUMMED = (torch.float32, torch.float64, torch.int32, torch.int64)
"""The dtypes that `add_rows` adds."""


def _take_rows(table: Tensor, index: Tensor) -> Tensor:
    return table[index]


def _put_rows(base: Tensor, index: Tensor, source: Tensor) -> Tensor:
    return base.index_put((index,), source)


def _add_rows(base: Tensor, index: Tensor, source: Tensor) -> Tensor:
    return base.index_put((index,), source, accumulate=True)


def _taken(table: Tensor, index: Tensor) -> Tensor:
    return table.new_empty((*index.shape, *table.shape[1:]))


def _changed(base: Tensor, index: Tensor, source: Tensor) -> Tensor:
    return base.new_empty(base.shape)


for _name, _arguments, _implementation, _fake in (
    ("take_rows", "Tensor table, Tensor index", _take_rows, _taken),
    ("put_rows", "Tensor base, Tensor index, Tensor source", _put_rows, _changed),
    ("add_rows", "Tensor base, Tensor index, Tensor source", _add_rows, _changed),
):
    _library.define(f"{_name}({_arguments}) -> Tensor")
    _library.define(f"{_name}.out({_arguments}, *, Tensor(a!) out) -> Tensor(a!)")
    _torch_library.impl(_library, _name, "CompositeExplicitAutograd")(_implementation)
    _torch_library.register_fake(f"{NAMESPACE}::{_name}", lib=_library)(_fake)
