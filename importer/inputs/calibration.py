"""Calibration inputs: a folder of `.npy`, `.npz` or images, or the calls of the factory. Imports torch."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from importer.cache.cache_key import calibration_files
from importer.errors import ImporterError
from importer.inputs.arguments import as_arguments, in_form
from importer.inputs.batches import place_of
from importer.inputs.binding import Unfit, in_order
from importer.inputs.samples import inputs_of, with_tensors
from importer.model import Arguments, Method
from importer.signature import TensorSpec

MOST_CALIBRATION = 200  # files or calls; more of them hardly change a scale
_IMAGES = {".png", ".jpg", ".jpeg", ".webp"}
_FORMATS = ("PNG", "JPEG", "WEBP")  # by content: Pillow reads 40 more, some of which start other programs
_MOST_BYTES = 1 << 30  # of the arrays of one file


def real_inputs(folder: Path | None, own: Any, method: Method) -> list[Arguments]:
    """Inputs like those of real use: the option's folder, else the factory's `calibration()`, else none."""
    if folder is not None:
        return read_folder(folder, method)
    if own is not None:
        found = [_call_of(number, item, method) for number, item in enumerate(own())]
        if not found:
            raise ImporterError(
                "CALIBRATION_EMPTY", "calibration() returned no inputs.", "Return some inputs.", "lower"
            )
        return found
    return []


def _call_of(number: int, item: Any, method: Method) -> Arguments:
    """What calibration() returned, in the form of the example, of which the program is made."""
    arguments = as_arguments(item, method.eager)
    tensors = inputs_of(arguments)
    shapes = [list(tensor.shape) for tensor in tensors]
    wanted = "; ".join(map(str, method.inputs))
    try:
        tensors = inputs_of(in_form(method.example, arguments))
    except ValueError as error:
        cause = f"Call {number} of calibration() has {error}; '{method.name}' takes {wanted}."
        raise _not_a_call(cause) from error
    fits = len(tensors) == len(method.inputs) and all(
        tensor.dim() == len(spec.dimensions)
        and all(low <= size <= high for size, (low, high) in zip(tensor.shape, spec.ranges, strict=True))
        for tensor, spec in zip(tensors, method.inputs, strict=True)
    )
    if not fits:
        has = f"Call {number} of calibration() has the tensors {shapes or 'none'}"
        raise _not_a_call(f"{has}, but '{method.name}' takes {wanted}.")
    return with_tensors(method.example, tensors)


def _not_a_call(cause: str) -> ImporterError:
    return ImporterError("CALIBRATION_INVALID", cause, "Return calls as example_inputs() does.", "lower")


def read_folder(folder: Path, method: Method) -> list[Arguments]:
    """A call for each file, in the order of their names.

    `.npy` is the first input of a model with one input; `.npz` has an array for each input by name (or `input_0`, ...);
    an image is scaled to the input's size, 0 to 1, channels first. A missing leading batch dimension is added: its
    smallest size, with the same values in each row. Arrays that do not fit as one call may have a leading axis of
    calls. Raises CALIBRATION_EMPTY and CALIBRATION_INVALID.
    """
    files = sorted(calibration_files(folder).values())
    usable = [path for path in files if path.suffix.lower() in _IMAGES | {".npy", ".npz"}]
    if not usable:
        cause = f"The folder {folder.name} has no .npy, .npz, PNG, JPEG or WebP file."
        raise ImporterError("CALIBRATION_EMPTY", cause, "Add inputs that are like the real ones.", "lower")
    calls = (call for path in usable[:MOST_CALIBRATION] for call in _calls(path, folder, method))
    return list(islice(calls, MOST_CALIBRATION))


def _calls(path: Path, folder: Path, method: Method) -> Iterator[Arguments]:
    try:
        found = calls_of(arrays_of(path, method.inputs[0]), method.inputs)
        yield from (with_tensors(method.example, tensors) for tensors in found)
    except Unfit as error:
        cause = f"{place_of(path, folder)} of the calibration data cannot be used: {error}."
        raise ImporterError("CALIBRATION_INVALID", cause, "Correct or remove it.", "lower") from error


def calls_of(arrays: dict[str, np.ndarray], inputs: Sequence[TensorSpec]) -> list[list[torch.Tensor]]:
    """The call that a file holds, or the calls along the leading axis of arrays that do not fit as one, as evaluation
    data has them. Raises Unfit."""
    try:
        return [tensors_of(arrays, inputs)]
    except Unfit:
        if not (rows := _rows(arrays, inputs)):
            raise
        return [tensors_of(row, inputs) for row in rows]


def _rows(arrays: dict[str, np.ndarray], inputs: Sequence[TensorSpec]) -> list[dict[str, np.ndarray]]:
    """The calls along a leading axis that the arrays of all inputs have; none when there is no such axis."""
    names = in_order(list(arrays), [spec.name for spec in inputs])
    counts = {len(arrays[name]) if arrays[name].ndim else 0 for name in names}
    lacks_axes = any(arrays[name].ndim < len(spec.dimensions) for name, spec in zip(names, inputs, strict=True))
    if len(counts) != 1 or lacks_axes:
        return []
    return [{name: arrays[name][index] for name in names} for index in range(min(counts.pop(), MOST_CALIBRATION))]


def is_picture(path: Path) -> bool:
    """Whether a file is a PNG, JPEG or WebP by its name."""
    return path.suffix.lower() in _IMAGES


def arrays_of(path: Path, first: TensorSpec | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file by name. first: the input that an image or a `.npy` is for. Raises Unfit."""
    try:
        if first and is_picture(path):
            return {first.name: _image(path, first)}
        if first and path.suffix.lower() == ".npy":
            return {first.name: _array(_bytes(path), path.stat().st_size)}
        return _archived(path)
    except Unfit:
        raise
    except Exception as error:  # NumPy and Pillow raise many kinds for what is broken
        raise Unfit(f"it cannot be read: {str(error)[:300] or type(error).__name__}") from error


def tensors_of(
    arrays: dict[str, np.ndarray], inputs: Sequence[TensorSpec], only_one: Sequence[str] = ()
) -> list[torch.Tensor]:
    """A tensor for each input, of a file's arrays. only_one: as in binding.in_order. Raises Unfit."""
    names = in_order(list(arrays), [spec.name for spec in inputs], only_one)
    tensors = []
    for name, spec in zip(names, inputs, strict=True):
        array = arrays[name]
        try:
            tensor = torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
        except TypeError as error:
            raise Unfit(f"its array for '{spec.name}' is of {array.dtype}, not of numbers") from error
        tensors.append(_fitting(tensor, spec))
    return tensors


def _archived(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.npz` by name."""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        members = [item for item in archive.infolist() if item.filename.endswith(".npy")]
        total = sum(item.file_size for item in members)
        for item in members:
            # zipfile unpacks other kinds of compression without a limit, and NumPy does not use them.
            if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Unfit("it is compressed in a way that NumPy does not use")
            with archive.open(item) as file:
                # The size in the directory may be wrong.
                data = file.read(min(item.file_size, _MOST_BYTES) + 1) if total <= _MOST_BYTES else b""
            arrays[item.filename.removesuffix(".npy")] = _array(data, total)
    if not arrays:
        raise Unfit("it has no array of numpy.savez")
    return arrays


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _array(data: bytes, size: int) -> np.ndarray:
    if size > _MOST_BYTES:
        raise Unfit(f"its arrays have {size >> 20} MB, more than {_MOST_BYTES >> 20}")
    # Pickled arrays would run code.
    found: np.ndarray = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return found


def _fitting(tensor: torch.Tensor, spec: TensorSpec) -> torch.Tensor:
    if tensor.dim() == len(spec.dimensions) - 1:
        tensor = tensor.unsqueeze(0).repeat_interleave(max(1, spec.dimensions[0].minimum), 0)
    fits = tensor.dim() == len(spec.dimensions) and all(
        dimension.minimum <= size <= dimension.maximum
        for size, dimension in zip(tensor.shape, spec.dimensions, strict=True)
    )
    if not fits:
        raise Unfit(f"the array for '{spec.name}' has the shape {list(tensor.shape)}, but the input is {spec}")
    dtype: torch.dtype = getattr(torch, spec.dtype)
    found = tensor.to(dtype)
    is_same = torch.equal(found.to(tensor.dtype), tensor) and _has_negatives(found) == _has_negatives(tensor)
    if not dtype.is_floating_point and not is_same:
        raise Unfit(f"the array for '{spec.name}' has values that {spec.dtype} cannot hold")
    return found


def _has_negatives(value: torch.Tensor) -> bool:
    return value.dtype.is_signed and bool((value < 0).any())


def _image(path: Path, spec: TensorSpec) -> np.ndarray:
    from PIL import Image

    shape = spec.shape
    if len(shape) not in (3, 4) or shape[-3] not in (1, 3, 4):
        raise Unfit(f"it is an image, but '{spec.name}' is {spec}: no channels, height and width")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[shape[-3]]
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _scaled(path, mode, shape)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise Unfit("it has more pixels than any calibration image needs") from error


def _scaled(path: Path, mode: str, shape: Sequence[int]) -> np.ndarray:
    from PIL import Image

    with Image.open(path, formats=_FORMATS) as image:
        if image.mode.startswith("I"):  # 16 bits, of which Pillow takes all above 255 for white
            image = Image.fromarray(np.asarray(image, dtype=np.float32) / 257.0)
        scaled = image.convert(mode).resize((shape[-1], shape[-2]), Image.Resampling.BILINEAR)
    pixels = np.asarray(scaled, dtype=np.float32) / 255.0
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
