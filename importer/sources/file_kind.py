"""Recognises the kind of a file by its bytes, not its name, without torch and without running anything."""

from __future__ import annotations

import json
import math
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.sources import pickle_reader
from importer.sources.inert_values import TensorInfo, entries, is_module, members, pairs_of, tensor_info
from importer.sources.onnx.file.model_file import has_outline, read_model
from importer.sources.pickle_reader import MOST_PICKLE_BYTES, Call, Scan, Unreadable, most_steps
from importer.sources.weight_names import is_averaged
from importer.sources.zip_archive import open_archive

EXTENSIONS = ("pt", "pt2", "pth", "ckpt", "safetensors", "onnx", "pte")
"""How the names of files end that a project imports; the addon has the same list. What is in a file its bytes say. Not
`bin`, which PyTorch's weights share with the buffers of glTF: such a file is converted when it is named."""
KINDS = ("pte", "exported_program", "torchscript", "module", "state_dict", "checkpoint", "safetensors", "onnx")
LEGACY_MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
WRAPPERS = ("state_dict", "model_state_dict", "model", "ema", "net", "network", "weights", "params", "generator")
"""Keys under which training scripts keep a state dict, in the order in which they are tried."""
_NOT_WEIGHTS = frozenset(
    ["optim", "optimizer", "optimizers", "optimizer_states", "optimizer_state_dict", "scheduler", "lr_schedulers"]
)
_DEEPEST = 8  # containers inside of each other
_MOST_HEADER_BYTES = 16 << 20  # of safetensors; enough for a hundred thousand tensors


Place = tuple[str | int, ...]
"""The keys of dictionaries and numbers of list items that lead to a value."""


@dataclass(frozen=True)
class FileKind:
    """kind: one of KINDS. globals: what the pickle names beyond tensors. tensors: a state dict's names and shapes.

    state_dicts: every state dict in the file, by the keys and numbers that lead to it. wrapper: those of `tensors`,
    the first of them. prefix: the archive's root folder.
    packed: the archive is compressed, which torch's own never are. sparse: tensors in it are, whose indices torch.load
    does not check.
    """

    kind: str
    size: int
    globals: list[str] = field(default_factory=list)
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    wrapper: Place = ()
    prefix: str = ""
    legacy: bool = False
    packed: bool = False
    sparse: bool = False
    state_dicts: dict[Place, dict[str, TensorInfo]] = field(default_factory=dict)


def place_text(place: Place) -> str:
    """`model.ema` or `[0]`: a place in a checkpoint as a person writes it."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).lstrip(".")


def recognise(path: Path) -> FileKind:
    """Recognise a file. Raises an ImporterError that says what a file is that cannot be used."""
    try:
        found = path.stat()
        size = found.st_size
        if not stat.S_ISREG(found.st_mode):  # opening a pipe waits until somebody writes to it
            raise OSError("it is not a file")
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
        return FileKind("pte", size)
    if head[:2] == b"PK":
        return _archive(path, size)
    if head[:1] == b"\x80" and head[2:14] == LEGACY_MAGIC:
        return _legacy(path, size)
    if _looks_like_safetensors(head, size):
        return _safetensors(path, size)
    if (head[:1] == b"\x08" or path.suffix.lower() == ".onnx") and has_outline(path):
        return FileKind("onnx", size)
    raise _unknown(path, head)


def _archive(path: Path, size: int) -> FileKind:
    try:
        with open_archive(path) as archive:
            names = list(archive.members)
            prefix = archive.root
            # torch looks only into the folder of the first member.
            split = not prefix and "/" in next(iter(names), "")
            inside = set() if split else {name.removeprefix(prefix) for name in names}
            if any(re.fullmatch(r"models/[^/]+\.json", name) for name in inside):
                return FileKind("exported_program", size, prefix=prefix)
            if {"serialized_exported_program.json", "version"} <= inside:
                return FileKind("exported_program", size, prefix=prefix, legacy=True)
            if "constants.pkl" in inside and any(name.startswith("code/") for name in inside):
                return FileKind("torchscript", size, prefix=prefix)
            if any("aotinductor" in name for name in names):
                remedy = "Export the model with torch.export.save instead."
                raise _refuse("AOTINDUCTOR_PACKAGE", path, "holds native code made by AOTInductor", remedy)
            if any(".data/extern_modules" in name for name in names):
                remedy = "Load it in Python and save it with torch.export.save."
                raise _refuse("TORCH_PACKAGE", path, "is a torch.package archive, which holds Python code", remedy)
            if "data.pkl" not in inside or "constants.pkl" in inside:
                remedy = "Give the model file itself; unpack the archive first."
                raise _refuse("ARCHIVE_UNKNOWN", path, f"is a ZIP archive without a model ({_some(names)})", remedy)
            data = archive.read(prefix + "data.pkl", MOST_PICKLE_BYTES)
            found = pickle_reader.scan(data, 0, most_steps(size))
            packed = not archive.is_plain
    except Unreadable as error:
        raise _refuse("FILE_DAMAGED", path, f"is damaged: {error}", "Save or download the file again.") from error
    return replace(_pickled(path, found, size, prefix), packed=packed)


def _legacy(path: Path, size: int) -> FileKind:
    """The format before torch 1.6: magic number, protocol, system, then the object; the storages follow."""
    with path.open("rb") as file:
        data = file.read(MOST_PICKLE_BYTES)
    position, steps = 0, most_steps(size)
    try:
        for _ in range(4):
            found = pickle_reader.scan(data, position, steps)
            position = found.end
            steps -= found.steps
    except Unreadable as error:
        raise _refuse("FILE_DAMAGED", path, f"is damaged: {error}", "Save or download the file again.") from error
    return _pickled(path, found, size, "", legacy=True)


def _pickled(path: Path, found: Scan, size: int, prefix: str, legacy: bool = False) -> FileKind:
    beyond = found.beyond_tensors
    sparse = "torch._utils._rebuild_sparse_tensor" in found.globals
    value = found.value
    states = dict(_state_dicts(value, (), set()))
    is_one = len(states.get((), ())) * 2 > len(value) if isinstance(value, dict) else False
    states = dict(sorted(states.items(), key=lambda item: _rank(item[0], is_one)))
    # The state dict of a model without weights is empty.
    if value == {}:
        return FileKind("state_dict", size, [], {}, prefix=prefix, legacy=legacy, state_dicts={(): {}})
    if states:
        wrapper, tensors = next(iter(states.items()))
        kind = "state_dict" if wrapper == () and not beyond else "checkpoint"
        if all(is_module(_at(value, place)) for place in states):
            kind = "module"  # its weights can be read without running it, its architecture cannot
        return FileKind(kind, size, beyond, tensors, wrapper, prefix, legacy, sparse=sparse, state_dicts=states)
    if beyond:
        return FileKind("module", size, beyond, prefix=prefix, legacy=legacy)
    items = entries(value)
    what = f"a dictionary with {_some(list(items))}" if items else "a single tensor or plain values"
    if isinstance(value, (list, tuple)) and any(tensor_info(item) for item in value):
        what = f"a list of {len(value)} values without names"
    remedy = "Save the model with torch.export.save, or its state_dict()."
    raise _refuse("NO_MODEL_INSIDE", path, f"holds {what}, not a model", remedy)


def _state_dicts(value: Any, place: Place, seen: set[int]) -> Iterator[tuple[Place, dict[str, TensorInfo]]]:
    """Every dictionary and module with tensors inside of dictionaries and lists; not what an optimizer remembers."""
    if id(value) in seen:
        return
    seen.add(id(value))
    items = list(enumerate(value)) if isinstance(value, (list, tuple)) else list(entries(value).items())
    found = {name: info for name, item in members(value).items() if (info := tensor_info(item))}
    # A list has no names: only one that says that it holds averages is taken for weights, in the parameters' order.
    is_list = isinstance(value, (list, tuple)) and not pairs_of(value, tensor_info)
    if found and (not is_list or (len(found) == len(items) and bool(place) and is_averaged(str(place[-1])))):
        yield place, found
    if len(place) < _DEEPEST:
        for key, item in items:
            if isinstance(item, (dict, list, tuple, Call)) and str(key).lower() not in _NOT_WEIGHTS:
                yield from _state_dicts(item, (*place, key), seen)


def _at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key] if isinstance(key, int) else entries(value)[key]
    return value


def _rank(place: Place, is_one: bool) -> tuple[int, int]:
    """The file itself when it is a state dict, then the usual keys of a checkpoint, then others, the outer ones first;
    the file itself when some tensors stand beside a state dict."""
    if not place:
        return (-1 if is_one else len(WRAPPERS) + 1, 0)
    return (WRAPPERS.index(str(place[0])) if place[0] in WRAPPERS else len(WRAPPERS), len(place))


def _looks_like_safetensors(head: bytes, size: int) -> bool:
    if len(head) < 10:
        return False
    (length,) = struct.unpack_from("<Q", head)
    return bool(2 <= length <= min(size - 8, 100_000_000) and head[8:9] == b"{")


def _safetensors(path: Path, size: int) -> FileKind:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _MOST_HEADER_BYTES:
                raise ValueError(f"its header has {length} bytes, more than any model")
            header = json.loads(file.read(length), object_pairs_hook=_without_duplicates)
        tensors = _described(header, size - 8 - length)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        what = f"is a damaged safetensors file ({_brief(error)})"
        raise _refuse("FILE_DAMAGED", path, what, "Save or download the file again.") from error
    return FileKind("safetensors", size, tensors=tensors, state_dicts={(): tensors})


def _described(header: dict[str, Any], size: int) -> dict[str, TensorInfo]:
    """The tensors of a safetensors header; their data fills the rest of the file, one after the other."""
    tensors: dict[str, TensorInfo] = {}
    places: list[tuple[int, int]] = []
    for name, item in header.items():
        if name == "__metadata__":
            continue
        if item["dtype"] not in _SAFETENSORS_DTYPES:
            raise ValueError(f"'{name[:80]}' has the unknown dtype {item['dtype']}")
        dtype, bytes_each = _SAFETENSORS_DTYPES[item["dtype"]]
        begin, end = item["data_offsets"]
        shape = tuple(item["shape"])
        if len(shape) > 64 or not all(type(value) is int and 0 <= value < 1 << 63 for value in (begin, end, *shape)):
            raise ValueError(f"'{name[:80]}' has a shape or a place that is not a number of elements")
        if end > size or math.prod(shape) * bytes_each != end - begin:
            raise ValueError(f"the data of '{name[:80]}' is outside of the file or of another size than its shape")
        tensors[name] = TensorInfo(dtype, shape)
        places.append((begin, end))
    ends = [0, *(end for _, end in sorted(places))]
    if [begin for begin, _ in sorted(places)] != ends[:-1] or ends[-1] != size:
        raise ValueError("the data of its tensors overlaps or leaves gaps")
    return tensors


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _brief(error: Exception) -> str:
    return f"no {error}"[:200] if isinstance(error, KeyError) else str(error)[:200]


def _unknown(path: Path, head: bytes) -> ImporterError:
    remedy = "Give a file made by torch.export.save, torch.jit.save, torch.save, safetensors, ONNX or ExecuTorch."
    for begin, what, advice in _OTHERS:
        if head[begin[0] : begin[0] + len(begin[1])] == begin[1]:
            return _refuse("NOT_A_MODEL", path, what, advice or remedy)
    if head[:1] == b"\x80":
        cause = "is a plain pickle or a damaged file, not something that torch saved"
        return _refuse("NOT_A_MODEL", path, cause, remedy)
    printable = sum(byte in b"\t\n\r" or 32 <= byte < 127 or byte >= 128 for byte in head)
    if b'"weight_map"' in head and head.lstrip()[:1] == b"{":
        cause = "is the index of a model in several files, not the weights"
        return _refuse("NOT_A_MODEL", path, cause, "Give one of those files, model-00001-of-...: all are read.")
    if printable == len(head) and b"\0" not in head:
        begin_of_text = " ".join(head[:40].decode(errors="replace").split())
        return _refuse("NOT_A_MODEL", path, f'is a text file that begins with "{begin_of_text}"', remedy)
    if path.suffix.lower() == ".onnx":
        read_model(path)  # says what is wrong with it
    cause = f"is of an unknown kind; its first bytes are {head[:8].hex(' ')}"
    return _refuse("NOT_A_MODEL", path, cause, remedy)


_SAFETENSORS_DTYPES = {
    "BOOL": ("bool", 1), "U8": ("uint8", 1), "I8": ("int8", 1), "U16": ("uint16", 2), "I16": ("int16", 2),
    "U32": ("uint32", 4), "I32": ("int32", 4), "U64": ("uint64", 8), "I64": ("int64", 8),
    "F16": ("float16", 2), "BF16": ("bfloat16", 2), "F32": ("float32", 4), "F64": ("float64", 8),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1), "C64": ("complex64", 8),
}  # fmt: skip
_GIT_LFS = "Fetch the real file with `git lfs pull`."
_OTHERS: list[tuple[tuple[int, bytes], str, str]] = [
    ((0, b"version https://git-lfs"), "is a Git LFS pointer, not the model", _GIT_LFS),
    ((4, b"BP08"), "is a bundled program (.bpte) for tests", "Give the .pte that it was made of."),
    ((4, b"FT01"), "holds external weights (.ptd), not a program", "Import the .pte; this file is found beside it."),
    ((4, b"ET"), "is an ExecuTorch program of another version", "Export it again with ExecuTorch 1.x."),
    ((0, b"GGUF"), "is a GGUF file", "Start from the PyTorch weights."),
    ((4, b"TFL3"), "is a TensorFlow Lite model", "Start from the PyTorch model."),
    ((0, b"\x89HDF"), "is an HDF5 file (Keras?)", "Start from the PyTorch model."),
    ((0, b"\x1f\x8b"), "is compressed with gzip", "Unpack it first."),
    ((257, b"ustar"), "is a tar archive", "Unpack it first; save tar-format models again with a newer torch."),
]


def _some(names: list[str]) -> str:
    shown = ", ".join(name[:80] for name in names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown or "nothing inside"


def _refuse(code: str, path: Path, what: str, remedy: str) -> ImporterError:
    return ImporterError(code, f"{path.name} {what}.", remedy, "read")
