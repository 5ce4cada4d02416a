"""Tensors that are made of others, as torchao's quantized weights are, in a pickle that is not run. No torch."""

from __future__ import annotations

import re
from typing import Any

from importer.sources.inert_values import tensor_info
from importer.sources.pickle_reader import TENSOR_GLOBALS, Call, Global, Scan

_MAKES_ONE = ("torch._tensor._rebuild_from_type_v2", "torch._utils._rebuild_wrapper_subclass")
# What else such a tensor names says how it computes, which the program's graph says as well.
_OF_LIBRARY = re.compile(r"torchao\..+|torch\.u?int[1-7]")
_DEEPEST = 8


def inner_tensors(value: Any, depth: int = 0) -> dict[str, Any] | None:
    """The tensors, and tensors of this kind again, that such a tensor holds, by attribute; None for other values."""
    if not isinstance(value, Call) or value.function != Global(_MAKES_ONE[0]) or depth > _DEEPEST:
        return None
    arguments = value.arguments
    if not isinstance(arguments, tuple) or len(arguments) != 4 or arguments[0] != Global(_MAKES_ONE[1]):
        return None
    state = arguments[3] if isinstance(arguments[3], dict) else {}
    found = {name: item for name, item in state.items() if isinstance(name, str) and _is_tensor(item, depth)}
    return found or None


def names_one(scan: Scan) -> bool:
    """Whether a pickle would make such a tensor of any library."""
    return _MAKES_ONE[1] in scan.globals


def beyond_one(scan: Scan) -> list[str]:
    """The names in a pickle of one tensor that rebuilding such a tensor of torchao does not need. The pickle is not run
    all the same: the copy that torch opens has the inner tensors in its place."""
    if inner_tensors(scan.value) is None:
        return scan.beyond_tensors
    known = TENSOR_GLOBALS | {*_MAKES_ONE}
    return [name for name in scan.globals if name not in known and not _OF_LIBRARY.fullmatch(name)]


def _is_tensor(item: Any, depth: int) -> bool:
    return tensor_info(item) is not None or inner_tensors(item, depth + 1) is not None
