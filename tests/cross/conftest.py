"""Fixtures of the builds for other systems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.cross import build, extension_file, targets


@pytest.fixture(scope="session")
def library_of() -> Callable[[str], Path]:
    """Build a target, once; returns the folder with its libraries."""

    def folder(name: str) -> Path:
        found = build.build(targets.find(name))
        extension_file.write()
        return found

    return folder
