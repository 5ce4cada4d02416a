"""Keeps a hostile graph from making huge tensors. Importing this module imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from importer.cache.cache_key import external_files
from importer.sources.onnx.file.model_file import Model
from importer.sources.onnx.refusals import too_large

_LARGEST = 512 << 20
_LARGEST_CONSTANTS = 64 << 20


def largest_result(model: Model) -> int:
    """Bytes that one result of a call may have."""
    return max(_LARGEST, 4 * _size(model))


def largest_constants(model: Model) -> int:
    """Bytes that all tensors may have together that are computed from the file's own."""
    return max(_LARGEST_CONSTANTS, 16 * _size(model))


def _size(model: Model) -> int:
    return sum(path.stat().st_size for path in (model.path, *external_files(model.path)))


class SizeGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Computes the size of each result before the result: raises ONNX_TOO_LARGE for one of more bytes than `most`."""

    def __init__(self, most: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._most = most
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
        for value in tree_leaves(found):
            if isinstance(value, torch.Tensor) and value.numel() * value.element_size() > self._most:
                raise too_large(f"a node would make a tensor of the shape {list(value.shape)}")
