"""Calibration inputs: a folder of `.npy`, `.npz` or images, or what the factory gives. Imports torch."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.errors import ImporterError
from importer.examples import as_arguments
from importer.key import calibration_files
from importer.model import Arguments, Method
from importer.quantize import MOST_CALIBRATION
from importer.samples import with_tensors
from importer.signature import TensorSpec

_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def real_inputs(folder: Path | None, own: Any, method: Method) -> list[Arguments]:
    """Inputs like those of real use: the option's folder, else the factory's `calibration()`, else none."""
    if folder is not None:
        return read_folder(folder, method)
    if own is not None:
        found = [as_arguments(item) for item in own()]
        if not found:
            raise ImporterError("CALIBRATION_EMPTY", "calibration() gave nothing.", "Let it give some inputs.", "lower")
        return found
    return []


def read_folder(folder: Path, method: Method) -> list[Arguments]:
    """One call for each file, in the order of their names.

    `.npy` is the first input of a model with one input; `.npz` has an array for each input by name (or `input_0`, ...);
    an image is scaled to the input's size, 0 to 1, channels first. A missing leading batch dimension of 1 is added.
    Raises CALIBRATION_EMPTY and CALIBRATION_INVALID.
    """
    files = sorted(calibration_files(folder).values())
    found = [_read(path, method) for path in files if path.suffix.lower() in _IMAGES | {".npy", ".npz"}]
    if not found:
        cause = f"The folder {folder.name} has no .npy, .npz or image file."
        raise ImporterError("CALIBRATION_EMPTY", cause, "Put some inputs like the real ones there.", "lower")
    return found[:MOST_CALIBRATION]


def _read(path: Path, method: Method) -> Arguments:
    try:
        if path.suffix.lower() in _IMAGES:
            arrays = {method.inputs[0].name: _image(path, method.inputs[0])}
        else:
            # Pickled arrays would run code.
            loaded = np.load(path, allow_pickle=False)
            arrays = {method.inputs[0].name: loaded} if isinstance(loaded, np.ndarray) else dict(loaded.items())
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _invalid(path, f"it cannot be read: {error}") from error
    tensors = []
    for index, spec in enumerate(method.inputs):
        array = arrays.get(spec.name, arrays.get(f"input_{index}"))
        if array is None:
            raise _invalid(path, f"it has no array '{spec.name}'; it has {', '.join(arrays)}")
        tensors.append(_fitting(path, torch.from_numpy(np.ascontiguousarray(array)), spec))
    return with_tensors(method.example, tensors)


def _fitting(path: Path, tensor: torch.Tensor, spec: TensorSpec) -> torch.Tensor:
    if tensor.dim() == len(spec.dimensions) - 1:
        tensor = tensor.unsqueeze(0)
    fits = tensor.dim() == len(spec.dimensions) and all(
        dimension.minimum <= size <= dimension.maximum
        for size, dimension in zip(tensor.shape, spec.dimensions, strict=True)
    )
    if not fits:
        raise _invalid(path, f"its shape is {list(tensor.shape)}, but '{spec.name}' is {spec}")
    return tensor.to(getattr(torch, spec.dtype))


def _image(path: Path, spec: TensorSpec) -> np.ndarray:
    from PIL import Image

    shape = spec.shape
    if len(shape) not in (3, 4) or shape[-3] not in (1, 3, 4):
        raise _invalid(path, f"it is an image, but '{spec.name}' is {spec}: no channels, height and width")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[shape[-3]]
    with Image.open(path) as image:
        scaled = image.convert(mode).resize((shape[-1], shape[-2]), Image.Resampling.BILINEAR)
    pixels = np.asarray(scaled, dtype=np.float32) / 255.0
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)


def _invalid(path: Path, reason: str) -> ImporterError:
    cause = f"The calibration file {path.name} cannot be used: {reason}."
    return ImporterError("CALIBRATION_INVALID", cause, "Correct or remove this file.", "lower")
