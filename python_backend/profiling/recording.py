"""Recorded inputs: what the profiler's dock saves of a running game, and any other `.npz` files. Imports torch."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.errors import ImporterError

MOST_CALLS = 4096


def read(place: Path, inputs: list[dict[str, Any]]) -> list[list[torch.Tensor]]:
    """The calls in a `.npz` file or a folder of them, in the order of their names; `inputs` are the method's.

    A file is one call. Its arrays are found by the inputs' names, by `input_0`, `input_1`, ..., or, when neither fits
    and there are as many of them as inputs, taken in their order: a `.pte` does not keep the names that the model's
    author gave. Raises INPUTS_INVALID.
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
    names = [item["name"] if item["name"] in arrays else f"input_{index}" for index, item in enumerate(inputs)]
    if not all(name in arrays for name in names):
        names = list(arrays)
    if len(names) != len(inputs):
        wanted = ", ".join(item["name"] for item in inputs)
        raise _invalid(file, f"it has the arrays {', '.join(arrays) or 'none'}, the method takes {wanted}")
    return [_tensor(file, arrays[name], item) for name, item in zip(names, inputs, strict=True)]


def _tensor(file: Path, array: np.ndarray[Any, Any], item: dict[str, Any]) -> torch.Tensor:
    # A program says of a dynamic input only how large it may be.
    sizes = list(zip(array.shape, item["shape"], strict=False))
    right = all(size <= most if item.get("dynamic") else size == most for size, most in sizes)
    fits = array.ndim == len(item["shape"]) and right
    if not fits:
        raise _invalid(file, f"the array for '{item['name']}' is {list(array.shape)}, it takes {item['shape']}")
    dtype: torch.dtype = getattr(torch, item["dtype"])
    return torch.from_numpy(np.array(array)).to(dtype)


def _invalid(file: Path, reason: str) -> ImporterError:
    return ImporterError("INPUTS_INVALID", f"{file.name} cannot be used: {reason}.", "Record the inputs of this model.")
