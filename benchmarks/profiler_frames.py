"""Frames per second of the profiler's dock with 100,000 calls of a model in it, while more arrive in every frame.

A real editor on a virtual display, OpenGL drawn by the processor (llvmpipe), v-sync off. The dock is in a window of its
own and the editor's main window is not drawn, so that the rate is the dock's and not that of a million other pixels.
The rate without painting is what the editor's main thread could do beside a graphics card, which paints in no time.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from tasks import windowed_editor

SCRIPT = Path(__file__).with_suffix(".gd")
WANTED = 60.0
"""Frames per second that are asked for with 100,000 calls, beside a renderer that is fast enough."""


def main() -> int:
    """Measure and print; an exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--project", type=Path, help="a project that make_project() made, kept between runs")
    parser.add_argument("--pictures", type=Path, help="keep what the display showed in this folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="executorch-bench-") as temporary:
        project = chosen.project or windowed_editor.make_project(Path(temporary) / "project", [SCRIPT])
        look = windowed_editor.Look("dark", "100")
        output = windowed_editor.take(project, look, SCRIPT.name, chosen.pictures or Path(temporary))
    found = re.search(r"^@@FRAMES (.*)$", output, re.MULTILINE)
    if found is None:
        print(output[-4000:], file=sys.stderr)
        return 1
    numbers = json.loads(found.group(1))
    held = ", ".join(f"{int(count):,}" for count in numbers["samples"])
    print(f"the Live tab, {numbers['size'][0]:.0f} x {numbers['size'][1]:.0f} pixels, calls held: {held}")
    for name, figures in numbers["views"].items():
        drawn = f"the time line is drawn in {figures['time_line_draws']:.0%} of them"
        unpainted = f"{figures['unpainted_fps']:.0f} without painting"
        print(f"  {name:32} {figures['fps']:7.1f} frames/s, {unpainted}, {drawn}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    views = numbers["views"].values()
    shown = all(figures["other_pixels"] for figures in views) and numbers["dropped"] == 0
    return 0 if shown and min(figures["unpainted_fps"] for figures in views) >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
