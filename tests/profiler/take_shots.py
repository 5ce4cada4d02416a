"""Pictures of the profiler with silero-vad and MiniLM in a real editor, into docs/images/.

python -m tests.profiler.take_shots [--theme dark|light] [--scale 100|200] [--project FOLDER]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from tasks import shots
from tests.profiler import real_models

SHOTS = Path(__file__).parent / "shots"


def main() -> None:
    """Take all pictures in the looks that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theme", choices=[*shots.THEMES], action="append", help="default: both")
    parser.add_argument("--scale", choices=[*shots.SCALES], action="append", help="default: both")
    parser.add_argument("--project", type=Path, help="a project that make_project() made, kept between runs")
    parser.add_argument("--out", type=Path, default=shots.IMAGES)
    chosen = parser.parse_args()
    looks = [
        shots.Look(theme, scale) for theme in chosen.theme or shots.THEMES for scale in chosen.scale or shots.SCALES
    ]
    with tempfile.TemporaryDirectory(prefix="executorch-shots-") as temporary:
        project = chosen.project or Path(temporary) / "project"
        if not project.exists():
            make_project(project)
        shutil.copytree(SHOTS, project / "addons" / "executorch_shots", dirs_exist_ok=True)
        # It goes with the shots.gd that ours takes the place of; the editor would show its error in the pictures.
        (project / "addons" / "executorch_shots" / "measures.gd").unlink(missing_ok=True)
        for look in looks:
            print(shots.take(project, look, chosen.out.resolve(), []))
            for picture in chosen.out.glob(f"profiler-*-{look.suffix}.png"):
                shrink(picture)


def shrink(picture: Path) -> None:
    """Flat colours need no more than 256 of them."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


def make_project(project: Path) -> None:
    """The sample project with the two real models, imported."""
    with tempfile.TemporaryDirectory(prefix="executorch-models-") as temporary:
        real_models.add(Path(temporary))
        shots.make_project(project, sorted(Path(temporary).iterdir()))


if __name__ == "__main__":
    main()
