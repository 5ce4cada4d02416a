"""The pictures of docs/images, taken by tests/pictures in a real editor."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from tasks import environment, project
from tasks.console import ROOT


def take_pictures(arguments: Sequence[str]) -> int:
    """Take the named pictures (all when none is named) in each look. Returns the exit status."""
    project.ensure_ready()
    return subprocess.call([environment.PYTHON, "-m", "tests.pictures", *arguments], cwd=ROOT)
