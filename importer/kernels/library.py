"""The libraries of kernels that are loaded into Python's ExecuTorch: our own, and the game's. Standard library only."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from importer.errors import ImporterError

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


def load_all(told: Callable[[Path], None] = lambda path: None) -> None:
    """Register our kernels and those of the game. told: called before each of these, which may end the process.

    Raises LIBRARY_NOT_LOADED."""
    load()
    for library in of_game():
        told(library)
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            reason = str(error).removeprefix(f"{library}: ")
            raise not_loaded(library, f"the system does not load it: {reason}") from error


def not_loaded(path: str | Path, reason: str, log: str = "") -> ImporterError:
    """The error for a library of the game."""
    cause = f"The kernel library {path} cannot be used: {reason}."
    remedy = (
        "Build it again for this system and the installed ExecuTorch, or leave it out of --library and of the project "
        "setting executorch/runtime/libraries."
    )
    return ImporterError("LIBRARY_NOT_LOADED", cause, remedy, "load", log)
