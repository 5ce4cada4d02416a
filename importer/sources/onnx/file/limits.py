"""Keeps a hostile graph from making huge tensors. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from importer.cache.cache_key import external_files
from importer.errors import ImporterError
from importer.sources.onnx.file.model_file import Model
from importer.sources.onnx.refusals import too_large

_LARGEST = 512 << 20
_LARGEST_CONSTANTS = 64 << 20
_SMALL_FILE = 16 << 20
_MANY_BYTES = 64 << 20


def largest_result(model: Model) -> int:
    """Bytes that one result of a call may have."""
    return max(_LARGEST, 4 * _size(model))


def largest_constants(model: Model) -> int:
    """Bytes that all tensors may have together that are computed from the file's own."""
    return max(_LARGEST_CONSTANTS, 16 * _size(model))


def is_small(model: Model) -> bool:
    """True for a file whose constants may be computed a second time."""
    return _size(model) <= _SMALL_FILE


def refuse_large_results(module: nn.Module, example: tuple[torch.Tensor, ...], most: int) -> None:
    """Raise ONNX_TOO_LARGE if a result of the module has more bytes than `most`, without memory for results.

    Shapes that depend on values end the search: what comes after them is found when the module runs.
    """
    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode, _ResultGuard(most):
            module(*(mode.from_tensor(value) for value in example))
    except ImporterError as error:
        if error.code == "ONNX_TOO_LARGE":
            raise
    except Exception:  # torch has no shapes for an operator
        return


def _size(model: Model) -> int:
    return sum(path.stat().st_size for path in (model.path, *external_files(model.path)))


class SizeGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Computes the size of each result before the result: raises ONNX_TOO_LARGE for one of more bytes than `most`.

    Calls `before_many` once, before the results together have many bytes.
    """

    def __init__(self, most: int, before_many: Callable[[], None] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._most = most
        self._before_many = before_many
        self._bytes = 0
        self._seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        # The rounds of a loop compute with the same shapes again and again.
        key = str((func, tree_map_only(torch.Tensor, lambda value: (value.shape, value.dtype), (args, kwargs))))
        if key not in self._seen:
            self._check(func, args, kwargs)
            self._seen.add(key)
        return func(*args, **kwargs)

    def _check(self, func: Any, args: Any, kwargs: Any) -> None:
        try:
            planned = [tree_map_only(torch.Tensor, lambda value: value.to("meta"), item) for item in (args, kwargs)]
            if "device" in planned[1] or any(argument.name == "device" for argument in func._schema.arguments):
                planned[1] = {**planned[1], "device": torch.device("meta")}
            found = func(*planned[0], **planned[1])
        except Exception:  # the operator itself says what is wrong, or its size depends on values
            return
        self._bytes += _checked_bytes(found, self._most)
        if self._bytes > _MANY_BYTES and self._before_many is not None:
            search, self._before_many = self._before_many, None
            search()


class _ResultGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Raises ONNX_TOO_LARGE after a result of more bytes than `most`; for results without memory."""

    def __init__(self, most: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._most = most

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        _checked_bytes(found, self._most)
        return found


def _checked_bytes(found: Any, most: int) -> int:
    """The bytes of all tensors of a result."""
    total = 0
    for value in tree_leaves(found):
        if isinstance(value, torch.Tensor):
            size = value.numel() * value.element_size()
            if size > most:
                raise too_large(f"a node would make a tensor of the shape {list(value.shape)}")
            total += size
    return total
