"""Frames per second of the windowed editor with 4 x 100,000 calls in the profiler's Live tab, and what of it is ours.

The display is a virtual one and OpenGL is drawn by the processor (llvmpipe), so the frame rate is that of the whole
editor on such a machine; the processor time of the profiler's own `_process` and `_draw` is stated beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tasks import shots

SCRIPT = Path(__file__).with_suffix(".gd")


def main() -> int:
    """Measure and print; an exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a project that tasks.shots made, kept between runs")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="executorch-bench-") as temporary:
        project = chosen.project or shots.make_project(Path(temporary) / "project")
        shutil.copyfile(SCRIPT, project / "addons" / "executorch_shots" / "shots.gd")
        output = shots.take(project, shots.Look("dark", "100"), Path(temporary), [])
    found = re.search(r"^@@FRAMES (.*)$", output, re.MULTILINE)
    if found is None:
        print(output[-4000:], file=sys.stderr)
        return 1
    numbers = json.loads(found.group(1))
    print(f"dock {numbers['size']}, calls held {[int(count) for count in numbers['samples']]}")
    for name in ("without", "all models", "one model"):
        figures = numbers[name]
        print(f"  {name:12} {figures['fps']:7.1f} frames/s, its own _process {figures['process_us']:7.0f} us a frame")
    draw = numbers["draw_us"]
    print(f"  one _draw of the time line ({draw['width']:.0f} pixels wide): {draw['time_line']:.0f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
