"""A person's data (arrays, folders, loaders) as files for the importer's options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.errors import ImporterError

Data = str | Path | Iterable[Any]
"""A folder or file, or an iterable such as a DataLoader of calls: a tensor, a tuple, or a dictionary of names."""

_MOST_SAMPLES = 10_000
_MOST_CALIBRATION = 200


def calibration_folder(data: Data, folder: Path) -> str:
    """The option `calibration`: a path as it is, or a new folder of a `.npz` for each sample."""
    if isinstance(data, (str, Path)):
        return str(data)
    folder.mkdir()
    count = 0
    for item in islice(data, _MOST_CALIBRATION):
        for arrays in _samples(_named(item, with_target=False)):
            if count < _MOST_CALIBRATION:
                np.savez(folder / f"{count:05d}.npz", allow_pickle=False, **arrays)
                count += 1
    if not count:
        raise ImporterError("CALIBRATION_EMPTY", "The calibration data has no samples.", "Give 20 to 200 of them.")
    return str(folder)


def evaluation_folder(data: Data, folder: Path) -> str:
    """The option `evaluation`: a path as it is, or a new folder of a `.npz` for each sample; an item of `data` is
    `(inputs, target)`, batched as a DataLoader gives them."""
    if isinstance(data, (str, Path)):
        return str(data)
    folder.mkdir()
    count = 0
    for item in data:
        for arrays in _samples(_named(item, with_target=True)):
            if count < _MOST_SAMPLES:
                np.savez(folder / f"{count:05d}.npz", allow_pickle=False, **arrays)
                count += 1
        if count >= _MOST_SAMPLES:
            break
    if not count:
        raise ImporterError("EVALUATION_EMPTY", "The evaluation data has no samples.", "Give pairs (inputs, target).")
    return str(folder)


def _named(item: Any, with_target: bool) -> dict[str, np.ndarray]:
    target: dict[str, np.ndarray] = {}
    if with_target and isinstance(item, (tuple, list)) and len(item) >= 2:
        *inputs, label = item
        target = {"target": _array(label)}
        item = inputs[0] if len(inputs) == 1 else tuple(inputs)
    elif with_target:
        cause = f"An item of the evaluation data is {type(item).__name__}, not (inputs, target)."
        raise ImporterError("DATA_INVALID", cause, "Give pairs, as a DataLoader of a labelled dataset does.")
    if isinstance(item, Mapping):
        return {**{str(name): _array(value) for name, value in item.items()}, **target}
    values = item if isinstance(item, (tuple, list)) else (item,)
    # The importer ignores arrays that are not inputs, such as the labels in calibration data.
    return {**{f"input_{index}": _array(value) for index, value in enumerate(values)}, **target}


def _samples(arrays: dict[str, np.ndarray]) -> Iterable[dict[str, np.ndarray]]:
    """Each sample of a batch; all arrays have the same leading axis."""
    sizes = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(sizes) != 1 or 0 in sizes:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        cause = f"The arrays of an item have no common leading axis of samples: {shapes}."
        raise ImporterError("DATA_INVALID", cause, "Give batches, as a DataLoader does.")
    for index in range(sizes.pop()):
        yield {name: array[index] for name, array in arrays.items()}


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value)
    if array.dtype.kind not in "biuf":
        cause = f"A value of the data is {type(value).__name__}, which is not an array of numbers."
        raise ImporterError("DATA_INVALID", cause, "Give tensors, arrays or numbers.")
    return array
