"""The tensors of an ONNX file as torch's. Importing this module imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from importer.sources.onnx import refusals
from importer.sources.onnx.file.model_file import SparseData, TensorData
from importer.sources.onnx.file.tensor_checks import NAMES, elements, external_span

DTYPES: dict[int, torch.dtype] = {number: getattr(torch, name) for number, name in NAMES.items()}
NUMBERS = {dtype: number for number, dtype in DTYPES.items()}
_FLOAT8 = {17: torch.float8_e4m3fn, 18: torch.float8_e4m3fnuz, 19: torch.float8_e5m2, 20: torch.float8_e5m2fnuz}
_SMALL = {21: (4, False), 22: (4, True), 25: (2, False), 26: (2, True)}
_AT_ONCE = 1 << 18  # numbers of a list that are decoded together
_NUMPY = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "u1", 10: "<f2", 11: "<f8", 12: "<u4",
    13: "<u8", 16: "<u2", 17: "u1", 18: "u1", 19: "u1", 20: "u1",
}  # fmt: skip


def torch_dtype(number: int, where: str) -> torch.dtype:
    """The dtype of ONNX's number. Raises ONNX_TYPE_UNSUPPORTED."""
    if number not in DTYPES:
        raise refusals.bad_type(f"{where} has ONNX's dtype {number}, which torch does not compute with")
    return DTYPES[number]


def to_torch(item: TensorData | SparseData, folder: Path, stem: str) -> torch.Tensor:
    """A copy of the values. 4-bit and 2-bit integers become int8 or uint8, 8-bit floats float32."""
    if isinstance(item, SparseData):
        return _dense(item, folder, stem)
    if item.dtype not in _NUMPY and item.dtype not in _SMALL:
        what = "of texts" if item.dtype == 8 else f"of ONNX's dtype {item.dtype}"
        raise refusals.bad_type(f"The tensor '{item.name[:100]}' is {what}, which torch does not compute with")
    count = elements(item)
    if item.external is not None:
        path, begin, length = external_span(item, folder, stem)
        return _from_bytes(np.fromfile(path, np.uint8, length, offset=begin), item, count)
    if item.raw is not None:
        return _from_bytes(np.frombuffer(item.raw, np.uint8), item, count)
    return _from_lists(item, count)


def _from_bytes(data: NDArray[np.uint8], item: TensorData, count: int) -> torch.Tensor:
    if item.dtype in _SMALL:
        return torch.from_numpy(_unpacked(data, item.dtype)[:count].copy()).reshape(item.dims)
    return _as_torch(data.view(np.dtype(_NUMPY[item.dtype])), item)


def _from_lists(item: TensorData, count: int) -> torch.Tensor:
    (key, chunks), *_ = [*item.lists.items(), ("float_data", [])]
    if key in ("float_data", "double_data"):
        data = b"".join(bytes(chunk) for chunk in chunks)
        return _as_torch(np.frombuffer(data, "<f4" if key == "float_data" else "<f8"), item)
    parts = [
        np.array([chunk], np.uint64) if isinstance(chunk, int) else _varints(np.frombuffer(chunk, np.uint8))
        for chunk in chunks
    ]
    numbers = np.concatenate(parts) if parts else np.zeros(0, np.uint64)
    if item.dtype in _SMALL:
        return torch.from_numpy(_unpacked(numbers.astype(np.uint8), item.dtype)[:count].copy()).reshape(item.dims)
    if item.dtype in (10, 16):  # the bits of 16-bit floats are in integers
        return _as_torch(numbers.astype(np.uint16).view(_NUMPY[item.dtype]), item)
    if item.dtype in (17, 18, 19, 20):
        return _as_torch(numbers.astype(np.uint8), item)
    return _as_torch(numbers.view(np.int64).astype(np.dtype(_NUMPY[item.dtype])), item)


def _as_torch(values: NDArray[Any], item: TensorData) -> torch.Tensor:
    # A view of the file cannot be written; what was read or decoded is an array of its own already.
    values = np.require(values.reshape(item.dims), requirements="W")
    if item.dtype == 16:
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    if item.dtype in _FLOAT8:
        return torch.from_numpy(values).view(_FLOAT8[item.dtype]).to(torch.float32)
    tensor = torch.from_numpy(values)
    return tensor != 0 if item.dtype == 9 else tensor


def _varints(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The numbers of a packed list, many at once."""
    if not data.size:
        return np.zeros(0, np.uint64)
    if data[-1] > 127:
        raise refusals.damaged("it is truncated inside of a number")
    ends = np.flatnonzero(data < 128)
    found = np.empty(len(ends), np.uint64)
    begin = 0
    for first in range(0, len(ends), _AT_ONCE):
        last = ends[first : first + _AT_ONCE] - begin
        end = begin + int(last[-1]) + 1
        found[first : first + len(last)] = _decoded(data[begin:end], last)
        begin = end
    return found


def _decoded(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Numbers of 7 bits a byte, the lowest first, each with its last byte at one of `ends`."""
    begins = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - begins + 1
    if int(lengths.max()) > 10:
        raise refusals.damaged("it has a number of more than 64 bits")
    places = (np.arange(len(data)) - np.repeat(begins, lengths)).astype(np.uint64)
    shifted = (data.astype(np.uint64) & np.uint64(127)) << (places * np.uint64(7))
    return np.asarray(np.add.reduceat(shifted, begins), np.uint64)


def _unpacked(data: NDArray[np.uint8], dtype: int) -> NDArray[Any]:
    """Integers of 4 or 2 bits, the lowest bits first."""
    bits, has_sign = _SMALL[dtype]
    mask = (1 << bits) - 1
    parts = np.stack([(data >> shift) & mask for shift in range(0, 8, bits)], axis=1).reshape(-1)
    if not has_sign:
        return parts
    signed = parts.astype(np.int8)
    return np.where(signed > mask // 2, signed - (mask + 1), signed).astype(np.int8)


def _dense(item: SparseData, folder: Path, stem: str) -> torch.Tensor:
    values, indices = to_torch(item.values, folder, stem), to_torch(item.indices, folder, stem)
    count = elements(TensorData(item.values.name, item.values.dtype, item.dims))
    if count > 1 << 26:
        raise refusals.too_large(f"the sparse tensor '{item.values.name[:100]}' has {count:,} elements")
    flat = torch.zeros(count, dtype=values.dtype)
    place = indices.to(torch.int64)
    if place.dim() == 2:
        strides = torch.tensor([int(np.prod(item.dims[axis + 1 :])) for axis in range(len(item.dims))])
        place = (place * strides).sum(1)
    if place.numel() != values.numel() or (place.numel() and (int(place.min()) < 0 or int(place.max()) >= count)):
        raise refusals.bad_tensor(item.values.name, "has indices outside of its shape")
    return flat.scatter(0, place, values).reshape(item.dims)
