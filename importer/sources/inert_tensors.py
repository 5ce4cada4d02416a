"""Rebuilds the tensors of a checkpoint that also holds other objects, without loading those objects.

torch.load refuses such files (weights_only) or runs them; here only the tensors' bytes are read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from importer.errors import ImporterError
from importer.sources import pickle_reader
from importer.sources.file_kind import FileKind, Place
from importer.sources.inert_values import Sparse, array_of, entries, members, sparse_of, storage_dtype, tensor_info
from importer.sources.pickle_reader import Call, Global, Persistent, Unreadable
from importer.sources.zip_archive import open_archive

Content = Callable[[Persistent], bytearray]


def rebuild(path: Path, file_kind: FileKind, place: Place) -> dict[str, torch.Tensor]:
    """The tensors of the state dict at a place. Raises FILE_DAMAGED."""
    if file_kind.legacy:
        return _rebuild_legacy(path, file_kind, place)
    with open_archive(path) as archive:
        order = f"{file_kind.prefix}byteorder"
        if order in archive.members and archive.read(order, 16) != b"little":
            cause = f"{path.name} was saved on a big-endian machine."
            raise ImporterError("FILE_DAMAGED", cause, "Save its state_dict() again on this machine.", "load")
        data = archive.read(file_kind.prefix + "data.pkl", pickle_reader.MOST_PICKLE_BYTES)
        value = pickle_reader.scan(data, 0, pickle_reader.most_steps(file_kind.size)).value
        storages: dict[str, bytearray] = {}

        def content(storage: Persistent) -> bytearray:
            key = str(storage.identifier[2])
            if key not in storages:  # tensors may share one
                storages[key] = bytearray(archive.read(f"{file_kind.prefix}data/{key}", 1 << 40))
            return storages[key]

        return _tensors(value, place, content)


def _rebuild_legacy(path: Path, file_kind: FileKind, place: Place) -> dict[str, torch.Tensor]:
    """Of the format before torch 1.6: behind five pickles the storages, each as its length and its bytes."""
    steps = pickle_reader.most_steps(file_kind.size)
    with path.open("rb") as file:
        data = file.read(pickle_reader.MOST_PICKLE_BYTES)
        try:
            scans = [pickle_reader.scan(data, 0, steps)]
            for _ in range(4):
                scans.append(pickle_reader.scan(data, scans[-1].end, steps))
        except Unreadable as error:
            raise _damaged(path, str(error)) from error
        value, keys = scans[3].value, scans[4].value
        sizes = _storage_sizes(value)
        offsets: dict[str, tuple[int, int]] = {}
        position = scans[4].end
        for key in keys if isinstance(keys, list) else []:
            file.seek(position)
            (count,) = struct.unpack("<q", file.read(8).ljust(8, b"\0"))
            length = count * sizes.get(str(key), 0)
            if count < 0 or position + 8 + length > file_kind.size or str(key) not in sizes:
                raise _damaged(path, "a storage is longer than the file")
            offsets[str(key)] = (position + 8, length)
            position += 8 + length
        storages: dict[str, bytearray] = {}

        def content(storage: Persistent) -> bytearray:
            key = str(storage.identifier[2])
            if key not in storages:
                begin, length = offsets[key]
                file.seek(begin)
                storages[key] = bytearray(file.read(length))
            return storages[key]

        return _tensors(value, place, content)


def _storage_sizes(value: Any) -> dict[str, int]:
    """Storage -> the bytes of one element, by its type in the pickle."""
    sizes = {}
    for item in pickle_reader.walk(value):
        if isinstance(item, Persistent) and isinstance(item.identifier, tuple) and len(item.identifier) > 2:
            dtype = storage_dtype(item.identifier[1])
            if dtype:
                sizes[str(item.identifier[2])] = int(getattr(torch, dtype).itemsize)
    return sizes


def _damaged(path: Path, reason: str) -> ImporterError:
    cause = f"The weights in {path.name} cannot be read: {reason}."
    return ImporterError("FILE_DAMAGED", cause, "Save its state_dict() alone with a newer torch.", "load")


def _tensors(value: Any, place: Place, content: Content) -> dict[str, torch.Tensor]:
    for key in place:
        value = value[key] if isinstance(key, int) else entries(value)[key]
    found = {name: tensor_of(item, content) for name, item in members(value).items()}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def tensor_of(value: Any, content: Content) -> torch.Tensor | None:
    """A tensor or NumPy array that a pickle would rebuild; None for other values. content: the bytes of a storage.
    Raises FILE_DAMAGED."""
    if isinstance(value, Call) and isinstance(value.function, Global) and "arameter" in value.function.name:
        value = value.arguments[0]
    if (array := array_of(value)) is not None:
        flat = torch.frombuffer(bytearray(array.data), dtype=getattr(torch, array.info.dtype)) if array.data else None
        if flat is None:
            return torch.empty(array.info.shape, dtype=getattr(torch, array.info.dtype))
        shape = array.info.shape
        return (
            flat.reshape(shape[::-1]).permute(*reversed(range(len(shape)))) if array.is_fortran else flat.reshape(shape)
        )
    if (sparse := sparse_of(value)) is not None:
        return _sparse(sparse, content)
    info = tensor_info(value)
    if info is None:
        return None
    storage, offset, shape, stride = value.arguments[:4]
    assert isinstance(storage, Persistent)
    dtype = getattr(torch, info.dtype)
    try:
        data = content(storage)
        flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return flat.as_strided(tuple(shape), tuple(stride), int(offset))
    except (KeyError, IndexError, TypeError, RuntimeError, ValueError, OverflowError) as error:
        cause = f"A tensor is outside of its storage: {str(error)[:200]}."
        raise ImporterError("FILE_DAMAGED", cause, "Save it again.", "load") from error


def _sparse(value: Sparse, content: Content) -> torch.Tensor:
    parts: list[Any] = [tensor_of(part, content) for part in value.parts]
    size = value.info.shape
    layout = getattr(torch, value.layout)
    try:
        # Kernels would read and write at indices that are outside of the tensor.
        if value.layout == "sparse_coo":
            return torch.sparse_coo_tensor(parts[0], parts[1], size, check_invariants=True)
        return torch.sparse_compressed_tensor(parts[0], parts[1], parts[2], size, layout=layout, check_invariants=True)
    except (TypeError, RuntimeError, ValueError, OverflowError) as error:
        cause = f"A sparse tensor has indices that are outside of it: {str(error)[:200]}."
        raise ImporterError("FILE_DAMAGED", cause, "Save it again.", "load") from error
