"""The meaning of inert values of a pickle: tensors, arrays, state dicts, modules. Standard library only."""

from __future__ import annotations

import array
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from importer.sources.pickle_reader import Call, Global, Persistent

_MOST_DIMENSIONS = 64
_DEEPEST_MODULE = 64


@dataclass(frozen=True)
class TensorInfo:
    """A tensor that a pickle would rebuild."""

    dtype: str
    shape: tuple[int, ...]


def tensor_info(value: Any) -> TensorInfo | None:
    """Shape and dtype of an inert tensor; nothing for other values."""
    if isinstance(value, Call) and _name(value.function) in _PARAMETERS:
        value = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else None
    if (array := array_of(value)) is not None:
        return array.info
    if (sparse := sparse_of(value)) is not None:
        return sparse.info
    if not isinstance(value, Call) or not _name(value.function).startswith("torch._utils._rebuild_tensor"):
        return None
    arguments = value.arguments
    if not isinstance(arguments, tuple) or len(arguments) < 4 or not isinstance(arguments[0], Persistent):
        return None
    identifier = arguments[0].identifier
    storage = identifier[1] if isinstance(identifier, tuple) and len(identifier) > 1 else None
    shape = arguments[2]
    if not _is_shape(shape):
        return None
    if len(arguments) > 6 and _name(arguments[6]) in _NAMED:  # _rebuild_tensor_v3 names the dtype itself
        return TensorInfo(_name(arguments[6]).removeprefix("torch."), shape)
    # Of another storage nothing is known: to take its bytes for floats would be other weights, in silence.
    dtype = storage_dtype(storage)
    return TensorInfo(dtype, shape) if dtype else None


def storage_dtype(storage: Any) -> str | None:
    """The dtype of a storage's elements by the class that a pickle names for it."""
    return _DTYPES.get(_name(storage).rpartition(".")[2].removesuffix("Storage"))


@dataclass(frozen=True)
class Array:
    """A NumPy array that a pickle would rebuild, with its bytes."""

    info: TensorInfo
    data: bytes
    is_fortran: bool


def array_of(value: Any) -> Array | None:
    """An inert NumPy array of numbers; nothing for other values."""
    if not isinstance(value, Call) or _name(value.function) not in _ARRAYS:
        return None
    state = value.state
    if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], Call):
        return None
    shape, kind, data = state[1], state[2], _bytes(state[4])
    code = kind.arguments[0] if isinstance(kind.arguments, tuple) and kind.arguments else ""
    is_big = isinstance(kind.state, tuple) and len(kind.state) > 1 and kind.state[1] == ">"
    dtype = _ARRAY_DTYPES.get(code) if isinstance(code, str) and _name(kind.function) == "numpy.dtype" else None
    if dtype is None or data is None or not _is_shape(shape):
        return None
    size = int(code[1:])
    if math.prod(shape) * size != len(data):
        return None
    if is_big and size > 1:
        swapped = array.array({2: "H", 4: "I", 8: "Q"}[size], data)
        swapped.byteswap()
        data = swapped.tobytes()
    return Array(TensorInfo(dtype, shape), data, bool(state[3]))


@dataclass(frozen=True)
class Sparse:
    """A sparse tensor that a pickle would rebuild. layout: such as `sparse_coo`; parts: its indices, one tensor or two,
    and its values."""

    info: TensorInfo
    layout: str
    parts: tuple[Any, ...]


def sparse_of(value: Any) -> Sparse | None:
    """An inert sparse tensor; nothing for other values."""
    if not isinstance(value, Call) or _name(value.function) != "torch._utils._rebuild_sparse_tensor":
        return None
    arguments = value.arguments if isinstance(value.arguments, tuple) else ()
    layout, data = arguments if len(arguments) == 2 else (None, None)
    named = layout.arguments[0] if isinstance(layout, Call) and isinstance(layout.arguments, tuple) else ""
    kind = named.removeprefix("torch.") if isinstance(named, str) else ""
    count = {"sparse_coo": 2, **dict.fromkeys(("sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc"), 3)}.get(kind, 0)
    if not count or not isinstance(data, tuple) or len(data) <= count:
        return None
    size = data[count]
    if isinstance(size, Call) and _name(size.function) == "torch.Size" and isinstance(size.arguments, tuple):
        size = size.arguments[0] if size.arguments else None
    infos = [tensor_info(part) if sparse_of(part) is None else None for part in data[:count]]
    if not _is_shape(size) or any(info is None for info in infos):
        return None
    assert infos[-1] is not None
    return Sparse(TensorInfo(infos[-1].dtype, size), kind, data[:count])


def pairs_of(value: Any, is_tensor: Callable[[Any], Any]) -> dict[str, Any]:
    """The dictionary that a list of (name, tensor) pairs is, such as `list(model.named_parameters())`; empty for
    another value."""
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str) and is_tensor(item[1])
        for item in value
    ):
        return {}
    return dict(value)


def members(value: Any) -> dict[str, Any]:
    """What of a value may be a state dict's items: the string keys of a dictionary, the weights of a module by their
    whole names, the names of pairs, the numbers of another list."""
    if is_module(value):
        return dict(_of_module(value, "", set()))
    if found := pairs_of(value, tensor_info):
        return found
    if isinstance(value, (list, tuple)):
        return {str(index): item for index, item in enumerate(value)}
    return entries(value)


def is_module(value: Any) -> bool:
    """Whether a value would be one of torch's modules."""
    return isinstance(value, Call) and isinstance(value.state, dict) and {"_parameters", "_modules"} <= {*value.state}


def _of_module(value: Any, prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(value) in seen or prefix.count(".") > _DEEPEST_MODULE or not is_module(value):
        return
    seen.add(id(value))
    state = value.state
    for group in ("_parameters", "_buffers"):
        for name, item in entries(state.get(group)).items():
            yield prefix + name, item
    for name, item in entries(state["_modules"]).items():
        yield from _of_module(item, f"{prefix}{name}.", seen)


def _bytes(value: Any) -> bytes | None:
    # Protocols before 3 have no bytes: they are a text to be encoded.
    if isinstance(value, Call) and _name(value.function) == "_codecs.encode" and isinstance(value.arguments, tuple):
        text = value.arguments[0] if value.arguments else None
        try:
            return text.encode("latin-1") if isinstance(text, str) else None
        except UnicodeEncodeError:
            return None
    return bytes(value) if isinstance(value, (bytes, bytearray)) else None


def _is_shape(shape: Any) -> bool:
    if not isinstance(shape, tuple) or len(shape) > _MOST_DIMENSIONS:
        return False
    return all(isinstance(size, int) and 0 <= size < 1 << 63 for size in shape)


def entries(value: Any) -> dict[str, Any]:
    """The string keys of an inert dictionary of any class, or else the attributes of an object that is no module and
    nothing that torch rebuilds."""
    if isinstance(value, Call):
        if is_module(value) or _name(value.function).startswith("torch."):
            return {}
        value = value.items or _attributes(value.state)
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if isinstance(key, str)}
    return {}


def _attributes(state: Any) -> Any:
    """An object's attributes: a dictionary, or that and one of its slots."""
    if isinstance(state, tuple) and len(state) == 2 and all(part is None or isinstance(part, dict) for part in state):
        return {**(state[0] or {}), **(state[1] or {})}
    return state


_DTYPES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Char": "int8",
    "Short": "int16", "Int": "int32", "Long": "int64", "Byte": "uint8", "Bool": "bool",
    "ComplexFloat": "complex64", "ComplexDouble": "complex128",
}  # fmt: skip
_ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_ARRAY_DTYPES = {
    "f4": "float32", "f8": "float64", "f2": "float16", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
    "u1": "uint8", "b1": "bool",
}  # fmt: skip
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch.nn.parameter.Parameter")
_NAMED = frozenset(f"torch.{name}" for name in ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"))


def _name(value: Any) -> str:
    return value.name if isinstance(value, Global) else ""
