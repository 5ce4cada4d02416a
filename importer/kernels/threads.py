"""How many threads compute what is measured."""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from pathlib import Path


def default_count() -> int:
    """As a game does: one less than there are fast cores, at least 1.

    The rule is `default_thread_count` of native/src/core/runtime/thread_pool.cpp: one core stays free for the frame.
    """
    return max(1, (_fast_cores() or os.cpu_count() or 1) - 1)


def _fast_cores() -> int:
    """The number of performant cores by the runtime, as in a game; 0 when its libraries do not return it."""
    spec = find_spec("executorch")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for library in sorted((Path(folder) / "lib").glob("libexecutorch_threadpool.*")):
            try:
                count = ctypes.CDLL(str(library))["_ZN10executorch9extension7cpuinfo24get_num_performant_coresEv"]
            except (OSError, AttributeError):
                continue
            count.argtypes, count.restype = [], ctypes.c_uint32
            return int(count())
    return 0
