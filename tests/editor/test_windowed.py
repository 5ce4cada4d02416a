"""The editor in a window: nothing of the addon's views is cut off, at 100% and 200%, in a dark and a light theme."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tasks import shots


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="there is no virtual display (package xvfb)")
def test_nothing_is_cut_off(tmp_path: Path) -> None:
    project = shots.make_project(tmp_path / "project")
    for look in (shots.Look("dark", "100"), shots.Look("light", "200")):
        output = shots.take(project, look, tmp_path, ["check_layout"], timeout=400)
        counted = re.search(r"^@@LAYOUT (\d+) controls", output, re.MULTILINE)
        assert counted is not None and int(counted.group(1)) > 50, output[-3000:]
        assert re.findall(r"^@@CUT .*$", output, re.MULTILINE) == [], look.suffix
