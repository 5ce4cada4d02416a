"""The folders of the user, outside of projects."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "executorch-godot"


def user_cache_folder() -> Path:
    """The folder of files that can be made again."""
    return _folder("LOCALAPPDATA", "AppData/Local", "Library/Caches", "XDG_CACHE_HOME", ".cache")


def user_config_folder() -> Path:
    """The folder of settings and keys, inside of Godot's `OS.get_config_dir()`."""
    return _folder("APPDATA", "AppData/Roaming", "Library/Application Support", "XDG_CONFIG_HOME", ".config")


def _folder(windows_variable: str, windows: str, mac: str, variable: str, otherwise: str) -> Path:
    """Our folder in one of the system's, which a variable names or which has a usual place in the home folder."""
    if sys.platform == "darwin":
        return Path.home() / mac / _NAME
    if sys.platform == "win32":
        variable, otherwise = windows_variable, windows
    return Path(os.environ.get(variable, "") or Path.home() / otherwise) / _NAME
