"""Recorded inputs: what the profiler's dock saves of a running game, and any other `.npz` files. Imports torch."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import torch

from importer.errors import ImporterError
from importer.inputs import calibration
from importer.inputs.binding import Unfit, is_nameless
from importer.signature import TensorSpec

MOST_CALLS = 4096


def read(place: Path, inputs: list[dict[str, Any]]) -> list[list[torch.Tensor]]:
    """The calls in a `.npz` file or a folder of them, in the order of their names; `inputs` are the method's.

    A file is one call, or several along a leading axis of arrays that do not fit as one. Its arrays are found by the
    inputs' names, or by `input_0`, `input_1`, ... The dock records them in the inputs' order: where a `.pte` does not
    say the names that the model's author gave, and no metadata is beside it, as many arrays as inputs are taken in this
    order. Raises INPUTS_INVALID.
    """
    files = [place] if place.is_file() else sorted(place.glob("*.npz")) if place.is_dir() else []
    if not files:
        cause = f"There is no .npz file at {place}."
        raise ImporterError("INPUTS_INVALID", cause, "Name a .npz file, or a folder of them: one file is one call.")
    specs = [TensorSpec.of(item) for item in inputs]
    return list(islice((call for file in files for call in _calls(file, specs)), MOST_CALLS))


def _calls(file: Path, specs: list[TensorSpec]) -> list[list[torch.Tensor]]:
    try:
        arrays = calibration.arrays_of(file)
        own = [spec.name for spec in specs]
        if is_nameless(own) and len(arrays) == len(own) and not set(own) & set(arrays):
            arrays = dict(zip(own, arrays.values(), strict=True))
        return calibration.calls_of(arrays, specs)
    except Unfit as error:
        cause = f"{file.name} cannot be used: {error}."
        raise ImporterError("INPUTS_INVALID", cause, "Record the inputs of this model.") from error
