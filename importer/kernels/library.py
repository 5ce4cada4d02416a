"""The library of our own kernels, which the proof loads into Python's ExecuTorch. Standard library only."""

from __future__ import annotations

import ctypes
import platform
import sys
from pathlib import Path

_NAMES = {"linux": "libgodot_executorch_kernels.so", "darwin": "libgodot_executorch_kernels.dylib"}
_SYSTEMS = {"linux": "linux", "darwin": "macos"}


def path() -> Path | None:
    """The library of this machine's system, or None where the addon has none.

    It lies in the addon's `bin/SYSTEM.ARCHITECTURE`, two folders above a packaged importer, or in a checkout's addon.
    """
    system = _SYSTEMS.get(sys.platform)
    if system is None:
        return None
    machine = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    inside = Path("bin") / f"{system}.{machine}" / _NAMES[sys.platform]
    top = Path(__file__).parent.parent.parent  # the folder that holds `importer`
    for addon in (top.parent, top / "addons" / "executorch"):
        if (addon / inside).is_file():
            return addon / inside
    return None


def load() -> bool:
    """Register the kernels in this process; False where there is no library. ExecuTorch must have been imported."""
    library = path()
    if library is None:
        return False
    ctypes.CDLL(str(library))
    return True
