"""The libraries of kernels that are loaded into Python's ExecuTorch: our own, and the game's. Standard library only."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

# Paths of the kernel and backend libraries that the game itself loads (executorch/runtime/libraries), as PATH has them.
GAME = "EXECUTORCH_LIBRARIES"
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


def of_game() -> list[Path]:
    """The libraries that the game loads."""
    return [Path(path) for path in os.environ.get(GAME, "").split(os.pathsep) if path]


def load() -> bool:
    """Register our kernels in this process; False where there is no library. ExecuTorch must have been imported."""
    library = path()
    if library is None:
        return False
    ctypes.CDLL(str(library))
    return True


def load_all() -> None:
    """Register our kernels and those of the game. An OSError names the library."""
    load()
    for library in of_game():
        ctypes.CDLL(str(library))
