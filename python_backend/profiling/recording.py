"""Recorded inputs: what the profiler's dock saves of a running game, and any other `.npz` files. Imports torch."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.errors import ImporterError
from importer.inputs.binding import Unfit, in_order, is_nameless
from importer.signature import TensorSpec

MOST_CALLS = 4096


def read(place: Path, inputs: list[dict[str, Any]]) -> list[list[torch.Tensor]]:
    """The calls in a `.npz` file or a folder of them, in the order of their names; `inputs` are the method's.

    A file is one call. Its arrays are found by the inputs' names, or by `input_0`, `input_1`, ... The dock records
    them in the inputs' order: where a `.pte` does not say the names that the model's author gave, and no metadata is
    beside it, as many arrays as inputs are taken in this order. Raises INPUTS_INVALID.
    """
    files = [place] if place.is_file() else sorted(place.glob("*.npz")) if place.is_dir() else []
    if not files:
        cause = f"There is no .npz file at {place}."
        raise ImporterError("INPUTS_INVALID", cause, "Name a .npz file, or a folder of them: one file is one call.")
    return [_call(file, inputs) for file in files[:MOST_CALLS]]


def _call(file: Path, inputs: list[dict[str, Any]]) -> list[torch.Tensor]:
    try:
        # Pickled arrays would run code.
        with np.load(file, allow_pickle=False) as loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise _invalid(file, f"it is not a .npz file: {error}") from error
    own = [item["name"] for item in inputs]
    recorded = is_nameless(own) and len(arrays) == len(own) and not set(own) & set(arrays)
    try:
        names = list(arrays) if recorded else in_order(list(arrays), own)
    except Unfit as error:
        raise _invalid(file, str(error)) from error
    return [_tensor(file, arrays[name], item) for name, item in zip(names, inputs, strict=True)]


def _tensor(file: Path, array: np.ndarray[Any, Any], item: dict[str, Any]) -> torch.Tensor:
    spec = TensorSpec.of(item)
    pairs = zip(array.shape, spec.dimensions, strict=False)
    if array.ndim != len(spec.dimensions) or not all(sizes.minimum <= size <= sizes.maximum for size, sizes in pairs):
        raise _invalid(file, f"the array for '{item['name']}' is {list(array.shape)}, the input is {spec}")
    dtype: torch.dtype = getattr(torch, item["dtype"])
    return torch.from_numpy(np.array(array)).to(dtype)


def _invalid(file: Path, reason: str) -> ImporterError:
    return ImporterError("INPUTS_INVALID", f"{file.name} cannot be used: {reason}.", "Record the inputs of this model.")
