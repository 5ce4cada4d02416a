"""Labelled data of a person: inputs with their targets. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.cache.cache_key import calibration_files
from importer.errors import ImporterError
from importer.inputs import calibration
from importer.inputs.batches import TARGET, samples_of
from importer.signature import TensorSpec

MOST_SAMPLES = 10_000


@dataclass(frozen=True)
class Labelled:
    """The inputs and the target of one call. target: has the leading axis of the outputs, if that is 1."""

    inputs: list[torch.Tensor]
    target: torch.Tensor


def read(place: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> list[Labelled]:
    """The samples of a folder or of one `.npz`, in the order of their names, at most MOST_SAMPLES.

    One `.npz`: an array for each input by its name (or `input_0`, ...) and `target`, all with one leading axis of
    samples. A folder: a `.npz` for each sample, with the same arrays without that axis; or pictures in a folder for
    each class, whose number is its place among the sorted names. Raises EVALUATION_EMPTY and EVALUATION_INVALID.
    """
    found = []
    signature = _Signature(inputs, outputs)
    for item in _of_file(place, signature) if place.is_file() else _of_folder(place, signature):
        found.append(item)
        if len(found) == MOST_SAMPLES:
            break
    if not found:
        cause = f"{place.name} has no samples: no .npz with '{TARGET}', and no folder of pictures for each class."
        raise ImporterError("EVALUATION_EMPTY", cause, "docs/python.md shows how to lay out the data.", "load")
    return found


def of_batches(batches: Iterable[Any], inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> list[Labelled]:
    """The samples of a factory's `evaluation()`: batches `(inputs, target)`, at most MOST_SAMPLES samples. Raises
    EVALUATION_EMPTY, EVALUATION_INVALID and DATA_INVALID."""
    place, signature = Path("evaluation()"), _Signature(inputs, outputs)
    arrays = (sample for item in batches for sample in samples_of(item, with_target=True))
    found = [_labelled(place, sample, signature) for sample in islice(arrays, MOST_SAMPLES)]
    if not found:
        cause = "evaluation() returned no samples."
        raise ImporterError("EVALUATION_EMPTY", cause, "Return batches (inputs, target).", "load")
    return found


@dataclass(frozen=True)
class _Signature:
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]


def _of_file(path: Path, signature: _Signature) -> Iterator[Labelled]:
    arrays = calibration.arrays_of(path)
    count = len(_target(path, arrays)) if _target(path, arrays).ndim else 0
    for name, array in arrays.items():
        if not array.ndim or len(array) != count:
            reason = f"'{name}' has the shape {list(array.shape)}, but there are {count} targets"
            raise _invalid(path, f"{reason}; every array has a leading axis of samples")
    for index in range(count):
        yield _labelled(path, {name: array[index] for name, array in arrays.items()}, signature)


def _of_folder(folder: Path, signature: _Signature) -> Iterator[Labelled]:
    files = sorted(calibration_files(folder).items())
    classes = sorted({name.split("/")[0] for name, path in files if "/" in name and calibration.is_picture(path)})
    for name, path in files:
        if path.suffix.lower() == ".npz":
            yield _labelled(path, calibration.arrays_of(path), signature)
        elif "/" in name and calibration.is_picture(path):
            target = torch.tensor([classes.index(name.split("/")[0])])
            arrays = calibration.arrays_of(path, signature.inputs[0])
            yield Labelled(calibration.tensors_of(path, arrays, signature.inputs), target)


def _labelled(path: Path, arrays: dict[str, np.ndarray], signature: _Signature) -> Labelled:
    target = torch.from_numpy(np.array(_target(path, arrays)))
    tensors = calibration.tensors_of(path, _with_places(arrays, signature.inputs), signature.inputs)
    if target.dim() < len(signature.outputs[0].dimensions) and _has_batch_of_one(signature):
        target = target.unsqueeze(0)
    return Labelled(tensors, target if target.dtype != torch.bool else target.long())


def _with_places(arrays: dict[str, np.ndarray], inputs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """The arrays under `input_0`, ... in their order, for a program that does not have the source's names."""
    given = [name for name in arrays if name != TARGET]
    names = {name for index, spec in enumerate(inputs) for name in (spec.name, f"input_{index}")}
    if len(given) != len(inputs) or names.intersection(given):
        return arrays
    return {f"input_{index}": arrays[name] for index, name in enumerate(given)}


def _has_batch_of_one(signature: _Signature) -> bool:
    first = signature.outputs[0].dimensions
    return bool(first) and first[0].minimum == 1


def _target(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    if TARGET not in arrays:
        raise _invalid(path, f"it has no array '{TARGET}'; it has {', '.join(arrays)}")
    return arrays[TARGET]


def _invalid(path: Path, reason: str) -> ImporterError:
    cause = f"The evaluation data {path.name} cannot be used: {reason}."
    return ImporterError("EVALUATION_INVALID", cause, "Correct or remove this file.", "load")
