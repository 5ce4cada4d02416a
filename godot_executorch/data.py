"""A person's data (arrays, folders, loaders) as files for the importer's options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.errors import ImporterError
from importer.inputs.batches import file_of, samples_of

Data = str | Path | Iterable[Any]
"""A folder or file, or an iterable such as a DataLoader of calls: a tensor, a tuple, or a dictionary of names."""

_MOST_SAMPLES = 10_000
_MOST_CALIBRATION = 200
_TAKES = {
    "calibration": "a folder, an array, or an iterable of batches, such as a DataLoader",
    "evaluate": "a folder or .npz, a pair of arrays (inputs, target), or an iterable of such batches",
}


def calibration_folder(data: Data, folder: Path) -> str:
    """The option `calibration`: a path as it is, or a new folder of a `.npz` for each sample."""
    if isinstance(data, (str, Path)):
        return str(data)
    batches = [data] if _is_array(data) or isinstance(data, Mapping) else _batches("calibration", data)
    if not _write(batches, folder, _MOST_CALIBRATION, with_target=False):
        raise ImporterError("CALIBRATION_EMPTY", "The calibration data has no samples.", "Give 20 to 200 of them.")
    return str(folder)


def evaluation_folder(data: Data, folder: Path) -> str:
    """The option `evaluation`: a path as it is, or a new folder of a `.npz` for each sample; a batch of `data` is
    `(inputs, target)`, as a DataLoader gives them."""
    if isinstance(data, (str, Path)):
        return str(data)
    is_one = isinstance(data, Mapping) or (isinstance(data, tuple) and len(data) > 1 and _is_array(data[-1]))
    batches = [data] if is_one else _batches("evaluate", data)
    if not _write(batches, folder, _MOST_SAMPLES, with_target=True):
        raise ImporterError("EVALUATION_EMPTY", "The evaluation data has no samples.", "Give pairs (inputs, target).")
    return str(folder)


def _is_array(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, np.ndarray))


def _batches(name: str, data: Any) -> Iterator[Any]:
    try:
        return iter(data)
    except TypeError as error:
        cause = f"`{name}` takes {_TAKES[name]}; got {type(data).__name__}."
        raise ImporterError("OPTION_INVALID", cause, "Give one of these.", "read") from error


def _write(batches: Iterable[Any], folder: Path, most: int, with_target: bool) -> int:
    """A file for each sample, whose name says its place in the data; how many there are."""
    folder.mkdir()
    samples = (
        (file_of(number, index), arrays)
        for number, batch in enumerate(batches)
        for index, arrays in enumerate(samples_of(batch, with_target))
    )
    count = 0
    for name, arrays in islice(samples, most):
        np.savez(folder / name, allow_pickle=False, **arrays)
        count += 1
    return count
