"""A person's data (arrays, folders, loaders) as files for the importer's options."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from importer.errors import ImporterError
from importer.inputs.batches import samples_of

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
        for arrays in samples_of(item, with_target=False):
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
        for arrays in samples_of(item, with_target=True):
            if count < _MOST_SAMPLES:
                np.savez(folder / f"{count:05d}.npz", allow_pickle=False, **arrays)
                count += 1
        if count >= _MOST_SAMPLES:
            break
    if not count:
        raise ImporterError("EVALUATION_EMPTY", "The evaluation data has no samples.", "Give pairs (inputs, target).")
    return str(folder)
