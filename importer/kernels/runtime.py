"""ExecuTorch's runtime in Python, with the addon's copy of XNNPACK: the times measured here are those of a game."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import sys
from pathlib import Path
from typing import Any

from importer.kernels import library

_MODULE = "executorch.extension.pybindings._C"
_XNNPACK = "libexecutorch_backend_xnnpack.so"
# What it links, in the order of loading.
_LINKED = ("libexecutorch.so", "libexecutorch_threadpool.so")
_HEADER_BYTES = 4096  # with the build's identifier


def native() -> Any:
    """ExecuTorch's native module. Imports torch."""
    if _MODULE not in sys.modules:
        _load_xnnpack()
    from executorch.extension.pybindings import _C

    return _C


def _load_xnnpack() -> None:
    """Load the addon's copy, which the loader then takes for the wheel's, when both are of one build."""
    kernels = library.path()
    spec = importlib.util.find_spec("executorch")
    if kernels is None or spec is None or not spec.submodule_search_locations:
        return
    wheel = Path(spec.submodule_search_locations[0]) / "lib"
    if _build(wheel / _XNNPACK) != (build := _build(kernels.with_name(_XNNPACK))) or build is None:
        return
    with contextlib.suppress(OSError):  # the wheel's own is slower, no more than that
        for path in (*(wheel / name for name in _LINKED), kernels.with_name(_XNNPACK)):
            ctypes.CDLL(str(path))


def _build(path: Path) -> tuple[int, bytes] | None:
    """What two copies of one build have in common, but for the replaced loop; None where there is no such file."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size, file.read(_HEADER_BYTES)
    except OSError:
        return None
