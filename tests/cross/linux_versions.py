"""Which versions of the system's libraries the addon's libraries for Linux need."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def newest_needed(folder: Path, family: str) -> tuple[int, ...]:
    """The newest version of GLIBC or GLIBCXX that a library of the folder names."""
    libraries = sorted(map(str, folder.glob("*.so")))
    assert libraries
    listed = subprocess.run(["readelf", "-V", *libraries], capture_output=True, text=True, check=True).stdout
    found = re.findall(rf"\b{family}_(\d+(?:\.\d+)+)", listed)
    return max(tuple(map(int, version.split("."))) for version in found)
