"""PNGs of each tab and of each chart, exported in an editor with a window: of the right size, and not empty."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks import windowed_editor
from tests.pictures import SCRIPTS

CHARTS = {
    "Live": {"time_line_of_latencies", "histogram_of_latencies"},
    "Benchmark": {"histogram_of_latencies", "throughput_by_threads"},
    "Operators": {"operators_of_a_call"},
    "Memory": {"memory_by_part", "planned_arenas"},
}
PICTURES = {f"{tab}-{chart}" for tab, charts in CHARTS.items() for chart in charts} | set(CHARTS)


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="there is no virtual display (package xvfb)")
def test_each_tab_and_each_chart_is_exported_as_it_is_seen(tmp_path: Path) -> None:
    project = windowed_editor.make_project(tmp_path / "project", SCRIPTS)
    look = windowed_editor.Look("dark", "100")
    output = windowed_editor.take(project, look, "chart_exports.gd", tmp_path, timeout=240)
    exported = {
        name: (int(w), int(h)) for name, w, h in re.findall(r"^@@PICTURE ([\w-]+) (\d+) (\d+)", output, re.MULTILINE)
    }
    assert set(exported) == PICTURES, output[-3000:]
    assert "@@REFUSED true" in output
    drawn = {}
    for name, size in exported.items():
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.format == "PNG"
            assert image.size == size, name
            assert size[0] > (800 if name in CHARTS else 100) and size[1] > 100, name
            drawn[name] = np.asarray(image.convert("RGB"))
        colours, counts = np.unique(drawn[name].reshape(-1, 3), axis=0, return_counts=True)
        assert len(colours) > 20, f"{name}: {len(colours)} colours"
        assert counts.max() < 0.97 * counts.sum(), f"{name} is almost empty"
    for one in PICTURES:
        for other in PICTURES - {one}:
            assert not np.array_equal(drawn[one], drawn[other]), f"{one} is not {other}"
