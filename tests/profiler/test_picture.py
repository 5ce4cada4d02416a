"""The PNG of each tab, exported in an editor with a window: the tab's own size, and something is drawn on it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks import shots

TABS = {"Live", "Benchmark", "Operators", "Memory"}


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="there is no virtual display (package xvfb)")
def test_each_tab_is_exported_as_it_is_seen(tmp_path: Path) -> None:
    project = shots.make_project(tmp_path / "project")
    shutil.copy(Path(__file__).parent / "pictures" / "shots.gd", project / "addons" / "executorch_shots" / "shots.gd")
    output = shots.take(project, shots.Look("dark", "100"), tmp_path, [], timeout=240)
    told = {name: (int(w), int(h)) for name, w, h in re.findall(r"^@@PICTURE (\w+) (\d+) (\d+)", output, re.MULTILINE)}
    assert set(told) == TABS, output[-3000:]
    assert "@@REFUSED true" in output
    drawn = {}
    for name, size in told.items():
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.format == "PNG"
            assert image.size == size and size[0] > 800 and size[1] > 200, name
            drawn[name] = np.asarray(image.convert("RGB"))
        colours, counts = np.unique(drawn[name].reshape(-1, 3), axis=0, return_counts=True)
        assert len(colours) > 50, f"{name}: {len(colours)} colours"
        assert counts.max() < 0.95 * counts.sum(), f"{name} is almost empty"
    for one in TABS:
        for other in TABS - {one}:
            assert not np.array_equal(drawn[one], drawn[other]), f"{one} is not {other}"
