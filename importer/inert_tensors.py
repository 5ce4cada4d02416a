"""Rebuilds the tensors of a checkpoint that also holds other objects, without loading those objects.

torch.load refuses such files (weights_only) or runs them; here only the tensors' bytes are read.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from importer import pickles
from importer.errors import ImporterError
from importer.pickles import Call, Global, Persistent, entries
from importer.sniff import Sniffed, read_member


def rebuild(path: Path, sniffed: Sniffed) -> dict[str, torch.Tensor]:
    """The tensors of the checkpoint's state dict. Raises PICKLE_NEEDS_PERMISSION for the format before torch 1.6."""
    if sniffed.legacy:
        cause = f"{path.name} is in torch's old format and names more than tensors: {', '.join(sniffed.globals[:8])}."
        remedy = "Load it in Python and save its state_dict() alone with a newer torch."
        raise ImporterError("PICKLE_NEEDS_PERMISSION", cause, remedy, "load")
    with zipfile.ZipFile(path) as archive:
        if (
            f"{sniffed.prefix}byteorder" in archive.namelist()
            and archive.read(f"{sniffed.prefix}byteorder") != b"little"
        ):
            cause = f"{path.name} was saved on a big-endian machine."
            raise ImporterError("FILE_DAMAGED", cause, "Save its state_dict() again on this machine.", "load")
        value = pickles.scan(read_member(archive, sniffed.prefix + "data.pkl")).value
        state = entries(value)[sniffed.wrapper] if sniffed.wrapper else value
        storages: dict[str, bytes] = {}
        found = {}
        for name, item in entries(state).items():
            tensor = _tensor(item, archive, sniffed.prefix, storages)
            if tensor is not None:
                found[name] = tensor
        return found


def _tensor(value: Any, archive: zipfile.ZipFile, prefix: str, storages: dict[str, bytes]) -> torch.Tensor | None:
    while isinstance(value, Call) and isinstance(value.function, Global) and "arameter" in value.function.name:
        value = value.arguments[0]
    info = pickles.tensor_info(value)
    if info is None:
        return None
    storage, offset, shape, stride = value.arguments[:4]
    assert isinstance(storage, Persistent)
    key = str(storage.identifier[2])
    try:
        if key not in storages:
            storages[key] = read_member(archive, f"{prefix}data/{key}", 1 << 40)
        flat = (
            torch.frombuffer(bytearray(storages[key]), dtype=getattr(torch, info.dtype))
            if storages[key]
            else torch.empty(0)
        )
        return flat.as_strided(tuple(shape), tuple(stride), int(offset)).clone()
    except (KeyError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise ImporterError(
            "FILE_DAMAGED", f"A tensor is outside of its storage: {error}.", "Save it again.", "load"
        ) from error
