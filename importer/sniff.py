"""What kind of file is this? Answers from the bytes, not from the name, without torch and without running anything."""

from __future__ import annotations

import json
import re
import stat
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer import pickles
from importer.errors import ImporterError
from importer.pickles import Call, Scan, TensorInfo, Unreadable, entries, tensor_info

KINDS = ("pte", "exported_program", "torchscript", "module", "state_dict", "checkpoint", "safetensors")
LEGACY_MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
WRAPPERS = ("state_dict", "model_state_dict", "model", "ema", "net", "network", "weights", "params", "generator")
"""Keys under which training scripts keep a state dict, in the order in which they are tried."""
MOST_PICKLE_BYTES = 256 << 20  # weights are outside of the pickle; this is room for millions of names


@dataclass(frozen=True)
class Sniffed:
    """kind: one of KINDS. globals: what the pickle names beyond tensors. tensors: a state dict's names and shapes.

    wrapper: the checkpoint's key that holds the state dict. prefix: the archive's root folder.
    """

    kind: str
    size: int
    globals: list[str] = field(default_factory=list)
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    wrapper: str = ""
    prefix: str = ""
    legacy: bool = False


def sniff(path: Path) -> Sniffed:
    """Recognise a file. Raises an ImporterError that says what a file of no use is."""
    try:
        found = path.stat()
        size = found.st_size
        if not stat.S_ISREG(found.st_mode):  # opening a pipe waits until somebody writes to it
            raise OSError("it is no file")
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        cause = f"{path} cannot be read: {error.strerror or error}."
        raise ImporterError(
            "FILE_NOT_READABLE", cause, "Check that the file exists and may be read.", "read"
        ) from error
    if size == 0:
        raise _refuse("FILE_EMPTY", path, "is empty", "Save the model again; the download or copy did not finish.")
    if head[4:8] == b"ET12":
        return Sniffed("pte", size)
    if head[:2] == b"PK":
        return _archive(path, size)
    if head[:1] == b"\x80" and head[2:14] == LEGACY_MAGIC:
        return _legacy(path, size)
    if _looks_like_safetensors(head, size):
        return _safetensors(path, size)
    raise _unknown(path, head)


def read_member(archive: zipfile.ZipFile, name: str, limit: int = MOST_PICKLE_BYTES) -> bytes:
    """A member's bytes, refused when they are more than the limit (also when the directory lies about the size)."""
    with archive.open(name) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise ImporterError(
            "ARCHIVE_INVALID", f"Its member {name} has more than {limit} bytes.", "Save the model again.", "read"
        )
    return data


def member_names(archive: zipfile.ZipFile, path: Path) -> list[str]:
    """The names of an archive's members; refuses names that two readers could understand differently."""
    names = archive.namelist()
    if len({name.lower() for name in names}) != len(names) or any(".." in name.split("/") for name in names):
        cause = "has members whose names are used twice or lead out of it"
        raise _refuse("ARCHIVE_INVALID", path, cause, "Save the model again with torch.")
    return names


def _archive(path: Path, size: int) -> Sniffed:
    try:
        with zipfile.ZipFile(path) as archive:
            names = member_names(archive, path)
            prefix = names[0].partition("/")[0] + "/" if names and "/" in names[0] else ""
            inside = {name.removeprefix(prefix) for name in names}
            if "models/model.json" in inside or any(re.fullmatch(r"models/[^/]+\.json", name) for name in inside):
                return Sniffed("exported_program", size, prefix=prefix)
            if {"serialized_exported_program.json", "version"} <= {name.rpartition("/")[2] for name in names}:
                return Sniffed("exported_program", size, prefix=prefix, legacy=True)
            if "constants.pkl" in inside and any(name.startswith("code/") for name in inside):
                return Sniffed("torchscript", size, prefix=prefix)
            if any("aotinductor" in name for name in names):
                remedy = "Export the model with torch.export.save instead."
                raise _refuse("AOTINDUCTOR_PACKAGE", path, "holds native code made by AOTInductor", remedy)
            if any(".data/extern_modules" in name for name in names):
                remedy = "Load it in Python and save it with torch.export.save."
                raise _refuse("TORCH_PACKAGE", path, "is a torch.package archive, which holds Python code", remedy)
            if "data.pkl" not in inside:
                remedy = "Give the model file itself; unpack the archive first."
                raise _refuse("ARCHIVE_UNKNOWN", path, f"is a ZIP archive without a model ({_some(names)})", remedy)
            found = pickles.scan(read_member(archive, prefix + "data.pkl"))
    except (ImporterError, MemoryError):
        raise
    except Unreadable as error:
        raise _refuse("FILE_DAMAGED", path, f"is damaged: {error}", "Save or download the file again.") from error
    except Exception as error:  # zipfile raises many kinds for broken bytes, zlib.error and OSError among them
        remedy = "Save or download the file again."
        raise _refuse("FILE_DAMAGED", path, f"is a damaged or cut off archive ({error})", remedy) from error
    return _pickled(path, found, size, prefix)


def _legacy(path: Path, size: int) -> Sniffed:
    """The format before torch 1.6: magic number, protocol, system, then the object; the storages follow."""
    with path.open("rb") as file:
        data = file.read(MOST_PICKLE_BYTES)
    position = 0
    try:
        for _ in range(3):
            position = pickles.scan(data, position).end
        found = pickles.scan(data, position)
    except Unreadable as error:
        raise _refuse("FILE_DAMAGED", path, f"is damaged: {error}", "Save or download the file again.") from error
    return _pickled(path, found, size, "", legacy=True)


def _pickled(path: Path, found: Scan, size: int, prefix: str, legacy: bool = False) -> Sniffed:
    beyond = found.beyond_tensors
    value = found.value
    tensors = _tensors(value)
    # The state dict of a model without weights is empty.
    if (tensors or value == {}) and not beyond:
        return Sniffed("state_dict", size, [], tensors, prefix=prefix, legacy=legacy)
    items = entries(value)
    for key in _wrapper_keys(items):
        inner = _tensors(items[key])
        if inner:
            return Sniffed("checkpoint", size, beyond, inner, key, prefix, legacy)
    if tensors:
        return Sniffed("checkpoint", size, beyond, tensors, "", prefix, legacy)
    if beyond:
        return Sniffed("module", size, beyond, prefix=prefix, legacy=legacy)
    what = f"a dictionary with {_some(list(items))}" if items else "a single tensor or plain values"
    remedy = "Save the model with torch.export.save, or its state_dict()."
    raise _refuse("NO_MODEL_INSIDE", path, f"holds {what}, not a model", remedy)


def _wrapper_keys(keys: dict[str, Any]) -> list[str]:
    return [key for key in WRAPPERS if key in keys] + [key for key in keys if key not in WRAPPERS]


def _tensors(value: Any) -> dict[str, TensorInfo]:
    """The tensors of a dictionary that has mostly tensors, by name."""
    if isinstance(value, Call):
        return {}
    found = {key: info for key, item in entries(value).items() if (info := tensor_info(item))}
    return found if found and len(found) * 2 > len(value) else {}


def _looks_like_safetensors(head: bytes, size: int) -> bool:
    if len(head) < 10:
        return False
    (length,) = struct.unpack_from("<Q", head)
    return bool(2 <= length <= min(size - 8, 100_000_000) and head[8:9] == b"{")


def _safetensors(path: Path, size: int) -> Sniffed:
    names = {"F32": "float32", "F64": "float64", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"}
    names |= {
        f"{letter}{bits}": f"{kind}{bits}" for letter, kind in (("I", "int"), ("U", "uint")) for bits in (8, 16, 32, 64)
    }
    tensors: dict[str, TensorInfo] = {}
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        for name, item in header.items():
            if name != "__metadata__":
                begin, end = item["data_offsets"]
                if not 0 <= begin <= end <= size - 8 - length:
                    raise ValueError(f"the data of '{name}' is outside of the file")
                tensors[name] = TensorInfo(names.get(item["dtype"], str(item["dtype"])), tuple(map(int, item["shape"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        remedy = "Save or download the file again."
        raise _refuse("FILE_DAMAGED", path, f"is a damaged safetensors file ({error})", remedy) from error
    return Sniffed("safetensors", size, tensors=tensors)


def _unknown(path: Path, head: bytes) -> ImporterError:
    remedy = "Give a file made by torch.export.save, torch.jit.save, torch.save, safetensors or ExecuTorch."
    for begin, what, advice in _OTHERS:
        if head[begin[0] : begin[0] + len(begin[1])] == begin[1]:
            return _refuse("NOT_A_MODEL", path, what, advice or remedy)
    if head[:1] == b"\x80":
        cause = "is a plain pickle or a damaged file, not something that torch saved"
        return _refuse("NOT_A_MODEL", path, cause, remedy)
    printable = sum(byte in b"\t\n\r" or 32 <= byte < 127 or byte >= 128 for byte in head)
    if printable == len(head) and b"\0" not in head:
        begin_of_text = " ".join(head[:40].decode(errors="replace").split())
        return _refuse("NOT_A_MODEL", path, f'is a text file that begins with "{begin_of_text}"', remedy)
    cause = f"is of no kind that is known; its first bytes are {head[:8].hex(' ')}"
    return _refuse("NOT_A_MODEL", path, cause, remedy)


_GIT_LFS = "Fetch the real file with `git lfs pull`."
_OTHERS: list[tuple[tuple[int, bytes], str, str]] = [
    ((0, b"version https://git-lfs"), "is a Git LFS pointer, not the model", _GIT_LFS),
    ((4, b"BP08"), "is a bundled program (.bpte) for tests", "Give the .pte that it was made of."),
    ((4, b"FT01"), "holds external weights (.ptd), not a program", "Import the .pte; this file is found beside it."),
    ((4, b"ET"), "is an ExecuTorch program of another version", "Export it again with ExecuTorch 1.x."),
    ((0, b"GGUF"), "is a GGUF file", "Start from the PyTorch weights."),
    ((4, b"TFL3"), "is a TensorFlow Lite model", "Start from the PyTorch model."),
    ((0, b"\x89HDF"), "is an HDF5 file (Keras?)", "Start from the PyTorch model."),
    ((0, b"\x08"), "looks like an ONNX model", "Start from the PyTorch model that it was exported from."),
    ((0, b"\x1f\x8b"), "is compressed with gzip", "Unpack it first."),
    ((257, b"ustar"), "is a tar archive", "Unpack it first; save tar-format models again with a newer torch."),
]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown or "nothing inside"


def _refuse(code: str, path: Path, what: str, remedy: str) -> ImporterError:
    return ImporterError(code, f"{path.name} {what}.", remedy, "read")
