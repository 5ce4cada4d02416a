"""Whether the tensors of an ONNX file have the bytes that their shapes need. Standard library only."""

from __future__ import annotations

import math
import re
import stat
from pathlib import Path

from importer.cache.cache_key import ONNX_DATA
from importer.sources.onnx import refusals
from importer.sources.onnx.file.model_file import MOST_RANK, TensorData
from importer.sources.protobuf import count_packed

BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
    17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
"""Bits of an element by ONNX's number of the dtype, without texts."""
NAMES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
"""The dtypes that torch computes with."""
TEXT = 8
_LISTS = {
    "float_data": {1, 14}, "int32_data": {2, 3, 4, 5, 6, 9, 10, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26},
    "int64_data": {7}, "double_data": {11, 15}, "uint64_data": {12, 13}, "string_data": {TEXT},
}  # fmt: skip


def check_tensor(tensor: TensorData, folder: Path, stem: str) -> None:
    """Raises ONNX_TENSOR_INVALID, ONNX_EXTERNAL_DATA_MISSING or ONNX_EXTERNAL_DATA_REFUSED."""
    count = elements(tensor)
    if tensor.external is not None:
        if tensor.raw is not None or tensor.lists:
            raise refusals.bad_tensor(tensor.name, "has its data inside and outside of the file")
        external_span(tensor, folder, stem)
        return
    if tensor.raw is not None:
        if tensor.lists:
            raise refusals.bad_tensor(tensor.name, "has its data twice")
        expected = -(-count * BITS.get(tensor.dtype, 0) // 8)
        if tensor.dtype == TEXT or len(tensor.raw) != expected:
            raise refusals.bad_tensor(tensor.name, f"has {len(tensor.raw)} bytes; its shape needs {expected}")
        return
    given = 0
    for key, items in tensor.lists.items():
        if tensor.dtype not in _LISTS[key]:
            raise refusals.bad_tensor(tensor.name, f"has its data in the list '{key}' of another dtype")
        given += sum(_count(key, item) for item in items)
    packed = {21: 2, 22: 2, 23: 2, 25: 4, 26: 4}.get(tensor.dtype, 1)
    needed = -(-count // packed) * (2 if tensor.dtype in (14, 15) else 1)
    if given != needed:
        raise refusals.bad_tensor(tensor.name, f"has {given} values; its shape {list(tensor.dims)} needs {needed}")


def elements(tensor: TensorData) -> int:
    """The number of elements. Raises ONNX_TENSOR_INVALID for sizes and dtypes that cannot be."""
    if tensor.dtype != TEXT and tensor.dtype not in BITS:
        raise refusals.bad_tensor(tensor.name, f"has the unknown dtype {tensor.dtype}")
    if len(tensor.dims) > MOST_RANK:
        raise refusals.bad_tensor(tensor.name, f"has {len(tensor.dims)} dimensions")
    if any(size < 0 for size in tensor.dims):
        raise refusals.bad_tensor(tensor.name, f"has a negative size: {list(tensor.dims)}")
    # Next to a size of 0 too: numpy and torch have no such shapes.
    if math.prod(size or 1 for size in tensor.dims) >= 1 << 40:
        raise refusals.bad_tensor(tensor.name, f"is huge: {list(tensor.dims)}")
    return math.prod(tensor.dims)


def external_span(tensor: TensorData, folder: Path, stem: str) -> tuple[Path, int, int]:
    """The file beside the model that has a tensor's bytes, their place and number."""
    assert tensor.external is not None
    location = tensor.external.get("location", "")
    rest = location.removeprefix("./")
    if not rest or any(part in rest for part in ("/", "\\", "\0", ":")) or rest in (".", ".."):
        raise refusals.external_refused(tensor.name, f"'{location[:100]}' is not the name of a file beside the model")
    if not (rest.startswith(stem) and ONNX_DATA.fullmatch(rest[len(stem) :])):
        names = f"'{stem}.onnx.data', '{stem}.onnx_data' or '{stem}.data'"
        raise refusals.external_refused(tensor.name, f"the file is called '{rest[:100]}', but only {names} are read")
    path = folder / rest
    try:
        status = path.lstat()
    except OSError as error:
        raise refusals.external_missing(tensor.name, rest) from error
    if not stat.S_ISREG(status.st_mode):
        raise refusals.external_refused(tensor.name, f"'{rest[:100]}' is a link or not a file")
    expected = -(-elements(tensor) * BITS.get(tensor.dtype, 0) // 8)
    begin = _number(tensor, "offset", 0)
    length = _number(tensor, "length", expected)
    if length != expected:
        raise refusals.bad_tensor(tensor.name, f"has {length} bytes outside; its shape needs {expected}")
    if begin + length > status.st_size:
        raise refusals.bad_tensor(tensor.name, f"ends at byte {begin + length} of '{rest}', which has {status.st_size}")
    return path, begin, length


def _number(tensor: TensorData, key: str, default: int) -> int:
    text = (tensor.external or {}).get(key, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise refusals.bad_tensor(tensor.name, f"has the {key} '{text[:40]}'")
    return int(text)


def _count(key: str, item: object) -> int:
    """How many numbers a field has: one, or those of a packed list."""
    if isinstance(item, int) or key == "string_data":
        return 1
    assert isinstance(item, memoryview)
    if key == "float_data":
        return len(item) // 4 if len(item) % 4 == 0 else -1
    if key == "double_data":
        return len(item) // 8 if len(item) % 8 == 0 else -1
    return count_packed(item)
