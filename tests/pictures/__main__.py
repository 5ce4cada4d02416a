"""Pictures of the addon in a real editor, with silero-vad and MiniLM beside the sample's models, into docs/images/.

python -m tests.pictures [NAME ...] [--theme dark|light] [--scale 100|200] [--project FOLDER] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tasks import windowed_editor
from tasks.console import ROOT, step
from tests.networks import published
from tests.pictures import SCRIPTS

IMAGES = ROOT / "docs" / "images"
PROFILER = "profiler"


def main() -> None:
    """Take the pictures that are named (default: all) in each look."""
    parser = argparse.ArgumentParser(prog="dev.py shots", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        help=f"functions shot_NAME, check_NAME or measure_NAME of editor_shots.gd and measures.gd, or {PROFILER}",
    )
    parser.add_argument("--theme", choices=[*windowed_editor.THEMES], action="append", help="default: both")
    parser.add_argument("--scale", choices=[*windowed_editor.SCALES], action="append", help="percent, default: both")
    parser.add_argument("--project", type=Path, help="make the project here and keep it, or use the one that is here")
    parser.add_argument("--out", type=Path, default=IMAGES)
    chosen = parser.parse_args()
    themes, scales = chosen.theme or windowed_editor.THEMES, chosen.scale or windowed_editor.SCALES
    chosen.out.mkdir(parents=True, exist_ok=True)
    with project_at(chosen.project) as project:
        for look in [windowed_editor.Look(theme, scale) for theme in themes for scale in scales]:
            with step(f"pictures: {look.suffix}"):
                for script, names in scripts_for(chosen.names):
                    report(windowed_editor.take(project, look, script, chosen.out.resolve(), names))
                for picture in chosen.out.glob(f"{PROFILER}-*-{look.suffix}.png"):
                    shrink(picture)


def scripts_for(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The scripts that take these pictures, each with its names; none means all of the script's."""
    measures = [name for name in names if name.startswith(("check_", "measure_"))]
    pictures = [name for name in names if name not in measures and name != PROFILER]
    if pictures or not names:
        yield "editor_shots.gd", pictures
    if measures:
        yield "measures.gd", measures
    if PROFILER in names or not names:
        yield "profiler_shots.gd", []


def report(output: str) -> None:
    """Print what the script reported, and the errors of Godot."""
    for line in re.findall(r"^@@(?:SHOT|MEASURE|CUT|LAYOUT) (.*)$", output, re.MULTILINE):
        print(f"     {line}")
    for line in re.findall(r"^(?:SCRIPT )?ERROR: .*\n(?:   .*\n)?", output, re.MULTILINE):
        if "VK_KHR_surface" not in line and "vulkan" not in line:  # asked for before OpenGL is taken
            print(f"     {line.rstrip()}")


def shrink(picture: Path) -> None:
    """Flat colours need no more than 256 of them."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


@contextmanager
def project_at(kept: Path | None) -> Iterator[Path]:
    """The sample project with the two published models, imported; temporary when no folder is given."""
    with tempfile.TemporaryDirectory(prefix="executorch-shots-") as temporary:
        project = kept or Path(temporary) / "project"
        if not project.exists():
            models = Path(temporary) / "models"
            models.mkdir()
            with step("make a project with the sample's models, silero-vad and MiniLM"):
                published.add(models)
                windowed_editor.make_project(project, SCRIPTS, sorted(models.iterdir()))
        yield project


if __name__ == "__main__":
    main()
