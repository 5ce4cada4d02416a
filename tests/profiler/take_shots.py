"""Pictures of the profiler in a real editor, into docs/images/: python -m tests.profiler.take_shots [dark] [100]."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks import shots
from tasks.console import ROOT

SHOTS = Path(__file__).parent / "shots"
INPUTS = ROOT / "addons" / "executorch" / "editor" / "profiler" / "data" / "input_maker.gd"


def main() -> None:
    """Take all pictures in one look."""
    look = shots.Look(*([*sys.argv[1:], "dark", "100"][:2] if len(sys.argv) != 2 else [sys.argv[1], "100"]))
    with tempfile.TemporaryDirectory(prefix="executorch-shots-") as temporary:
        model = Path(temporary) / "sentence_encoder.pt2"
        subprocess.run([sys.executable, SHOTS / "encoder.py", model], check=True)
        project = shots.make_project(Path(temporary) / "project", [model])
        shutil.copytree(SHOTS, project / "addons" / "executorch_shots", dirs_exist_ok=True)
        shutil.copy(INPUTS, project / "addons" / "executorch_shots" / "inputs.gd")
        print(shots.take(project, look, shots.IMAGES, []))


if __name__ == "__main__":
    main()
