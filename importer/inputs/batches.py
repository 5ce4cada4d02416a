"""Batches of a person's Python data, as a DataLoader gives them, as arrays by name for each sample. Imports torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.errors import ImporterError

TARGET = "target"
_FILE = re.compile(r"batch_(\d+)_sample_(\d+)\.npz")


def file_of(batch: int, sample: int) -> str:
    """The name of the file that keeps a sample; sorted as the samples are."""
    return f"batch_{batch:08d}_sample_{sample:05d}.npz"


def place_of(path: Path, folder: Path) -> str:
    """What a person calls the sample of a file: its path in the folder, or its place in the data that they gave."""
    kept = _FILE.fullmatch(path.name)
    name = path.relative_to(folder).as_posix() if path != folder else path.name
    return f"Sample {int(kept[2])} of batch {int(kept[1])}" if kept else name


def samples_of(batch: Any, with_target: bool) -> Iterator[dict[str, np.ndarray]]:
    """The samples of one batch: arrays by their names, without the leading axis. batch: a tensor, a tuple, or a
    dictionary of names; with_target: `(inputs, target)`, or a dictionary that has `target`. Inputs without names are
    `arr_0`, `arr_1`, ..., as NumPy calls them: no model does. Inputs without a common leading axis are one sample, with
    the axes that the model takes.

    Raises DATA_INVALID.
    """
    arrays = _named(batch, with_target)
    sizes = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(sizes) != 1 and not with_target and 0 not in sizes:
        yield arrays  # a whole call
        return
    if len(sizes) != 1 or 0 in sizes:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        cause = f"The arrays of a batch have no common leading axis of samples: {shapes}."
        raise ImporterError("DATA_INVALID", cause, "Give arrays of equal length, as a DataLoader does.")
    for index in range(sizes.pop()):
        yield {name: array[index] for name, array in arrays.items()}


def _named(batch: Any, with_target: bool) -> dict[str, np.ndarray]:
    target: dict[str, np.ndarray] = {}
    if with_target and isinstance(batch, (tuple, list)) and len(batch) >= 2:
        *inputs, label = batch
        target = {TARGET: _array(label)}
        batch = inputs[0] if len(inputs) == 1 else tuple(inputs)
    elif with_target and not (isinstance(batch, Mapping) and TARGET in batch):
        cause = f"A batch of the evaluation data is {type(batch).__name__}, not (inputs, target)."
        raise ImporterError("DATA_INVALID", cause, "Give pairs, as a DataLoader of a labelled dataset does.")
    if isinstance(batch, Mapping):
        return {**{str(name): _array(value) for name, value in batch.items()}, **target}
    values = batch if isinstance(batch, (tuple, list)) else (batch,)
    # The importer ignores arrays that are not inputs, such as the labels in calibration data.
    return {**{f"arr_{index}": _array(value) for index, value in enumerate(values)}, **target}


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value)
    if array.dtype.kind not in "biuf":
        cause = f"A value of the data is {type(value).__name__}, which is not an array of numbers."
        raise ImporterError("DATA_INVALID", cause, "Give tensors, arrays or numbers.")
    return array
