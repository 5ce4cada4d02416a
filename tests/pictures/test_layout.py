"""The editor in a window: nothing of the addon's views is cut off, at 100% and 200%, in a dark and a light theme."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tasks import windowed_editor
from tasks.windowed_editor import Look
from tests.pictures import SCRIPTS


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="there is no virtual display (package xvfb)")
def test_nothing_is_cut_off(tmp_path: Path) -> None:
    project = windowed_editor.make_project(tmp_path / "project", SCRIPTS)
    for look in (Look("dark", "100"), Look("light", "200")):
        output = windowed_editor.take(project, look, "measures.gd", tmp_path, ["check_layout"], timeout=400)
        counted = re.search(r"^@@LAYOUT (\d+) controls", output, re.MULTILINE)
        assert counted is not None and int(counted.group(1)) > 50, output[-3000:]
        assert re.findall(r"^@@CUT .*$", output, re.MULTILINE) == [], look.suffix
