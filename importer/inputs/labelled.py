"""Labelled data of a person: inputs with their targets. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.cache.cache_key import calibration_files
from importer.errors import ImporterError
from importer.inputs import calibration
from importer.inputs.batches import TARGET, place_of, samples_of
from importer.inputs.binding import Unfit, in_order, is_order
from importer.signature import TensorSpec

MOST_SAMPLES = 10_000


@dataclass(frozen=True)
class Labelled:
    """The inputs and the target of one call. target: has the leading axis of the outputs, if that is 1. name: what a
    person calls it. unused: arrays of it that are no input."""

    inputs: list[torch.Tensor]
    target: torch.Tensor
    name: str
    unused: tuple[str, ...] = ()

    @property
    def has_nan(self) -> bool:
        """Whether an input has a value that is not a number."""
        return any(bool(_not_numbers(value).any()) for value in self.inputs)


def read(place: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> list[Labelled]:
    """The samples of a folder or of one `.npz`, in the order of their names, at most MOST_SAMPLES.

    One `.npz`: an array for each input by its name (or `input_0`, ...) and `target`, all with one leading axis of
    samples. A folder: a `.npz` for each sample, with the same arrays without that axis; or pictures in a folder for
    each class, whose number is its place among the sorted names. Raises EVALUATION_EMPTY and EVALUATION_INVALID.
    """
    signature = _Signature(inputs, outputs)
    found = list(islice((_of_file if place.is_file() else _of_folder)(place, signature), MOST_SAMPLES))
    if not found:
        cause = f"{place.name} has no samples: no .npz with '{TARGET}', and no folder of pictures for each class."
        raise ImporterError("EVALUATION_EMPTY", cause, "docs/python.md shows how to lay out the data.", "load")
    return found


def of_batches(batches: Iterable[Any], inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> list[Labelled]:
    """The samples of a factory's `evaluation()`: batches `(inputs, target)`, at most MOST_SAMPLES samples. Raises
    EVALUATION_EMPTY, EVALUATION_INVALID and DATA_INVALID."""
    signature = _Signature(inputs, outputs)
    arrays = (
        (f"Sample {index} of batch {number} of evaluation()", sample)
        for number, batch in enumerate(batches)
        for index, sample in enumerate(samples_of(batch, with_target=True))
    )
    found = [_labelled(name, sample, signature) for name, sample in islice(arrays, MOST_SAMPLES)]
    if not found:
        cause = "evaluation() returned no samples."
        raise ImporterError("EVALUATION_EMPTY", cause, "Return batches (inputs, target).", "load")
    return found


def note(data: Sequence[Labelled]) -> str:
    """What a reader of the result has to know of the inputs; empty when there is nothing."""
    count = sum(item.has_nan for item in data)
    unused = dict.fromkeys(name for item in data for name in item.unused)
    told = [f"{count} of {len(data)} samples of the evaluation data have NaN in their inputs."] if count else []
    told += (
        [f"The evaluation data has arrays that are no input and were not used: {', '.join(unused)}."] if unused else []
    )
    return " ".join(told)


@dataclass(frozen=True)
class _Signature:
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]


def _of_file(path: Path, signature: _Signature) -> Iterator[Labelled]:
    with _told(path.name):
        arrays = calibration.arrays_of(path)
        target = _target(arrays)
        count = len(target) if target.ndim else 0
        for name, array in arrays.items():
            if not array.ndim or len(array) != count:
                reason = f"'{name}' has the shape {list(array.shape)}, but there are {count} targets"
                raise Unfit(f"{reason}; every array has a leading axis of samples")
    for index in range(count):
        sample = {name: array[index] for name, array in arrays.items()}
        yield _labelled(f"Sample {index} of {path.name}", sample, signature)


def _of_folder(folder: Path, signature: _Signature) -> Iterator[Labelled]:
    files = sorted(calibration_files(folder).items())
    classes = sorted({name.split("/")[0] for name, path in files if "/" in name and calibration.is_picture(path)})
    for name, path in files:
        with _told(place_of(path, folder)):
            if path.suffix.lower() == ".npz":
                arrays = calibration.arrays_of(path)
            elif "/" in name and calibration.is_picture(path):
                pictures = calibration.arrays_of(path, signature.inputs[0])
                number = classes.index(name.split("/")[0])
                arrays = {**pictures, TARGET: np.array(number)}
            else:
                continue
        yield _labelled(place_of(path, folder), arrays, signature)


def _labelled(name: str, arrays: dict[str, np.ndarray], signature: _Signature) -> Labelled:
    with _told(name):
        target = torch.from_numpy(np.array(_target(arrays)))
        given = [other for other in arrays if other != TARGET]
        tensors = calibration.tensors_of(arrays, signature.inputs, given)
        used = in_order(list(arrays), [spec.name for spec in signature.inputs], given)
        for array, spec in zip(used, signature.inputs, strict=True):
            _refuse_a_row_of_several(arrays[array], spec)
        unused = tuple(other for other in given if other not in used)
        if any(is_order(other) for other in unused):  # what is taken for the target may be something else
            count = f"{len(given)} values before the last, which is the target"
            names = ", ".join(spec.name for spec in signature.inputs)
            raise Unfit(f"it has {count}; the inputs are {names}")
        for spec, tensor in zip(signature.inputs, tensors, strict=True):
            if tensor.numel() and _not_numbers(tensor).all():
                raise Unfit(f"all values of '{spec.name}' are NaN")
    if target.dim() < len(signature.outputs[0].dimensions) and _has_batch_of_one(signature):
        target = target.unsqueeze(0)
    return Labelled(tensors, target if target.dtype != torch.bool else target.long(), name, unused)


def _refuse_a_row_of_several(array: np.ndarray, spec: TensorSpec) -> None:
    """Calibration repeats a row where a call takes several; the results of such a call are not those of a sample."""
    rows = spec.dimensions[0].minimum if spec.dimensions else 1
    if array.ndim < len(spec.dimensions) and rows > 1:
        reason = f"a sample is one row of '{spec.name}', but a call takes at least {rows} ({spec})"
        raise Unfit(f"{reason}; give whole calls, or convert the model with a batch of 1 or one that varies")


def _not_numbers(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.isnan() if tensor.is_floating_point() else torch.zeros_like(tensor, dtype=torch.bool)


def _has_batch_of_one(signature: _Signature) -> bool:
    first = signature.outputs[0].dimensions
    return bool(first) and first[0].minimum == 1


def _target(arrays: dict[str, np.ndarray]) -> np.ndarray:
    if TARGET not in arrays:
        raise Unfit(f"it has no array '{TARGET}'; it has {', '.join(arrays) or 'none'}")
    return arrays[TARGET]


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Raises EVALUATION_INVALID for data that is Unfit. name: of the data in the person's words."""
    try:
        yield
    except Unfit as error:
        cause = f"{name} cannot be used as evaluation data: {error}."
        raise ImporterError("EVALUATION_INVALID", cause, "Correct or remove it.", "load") from error
