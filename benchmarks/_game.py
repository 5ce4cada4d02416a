"""A game that only measures: run by the editor's own build, and exported with the release template as games are."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROJECT = """config_version=5

[application]

config/name="bench"
run/main_scene="res://main.tscn"
run/main_loop_type="{main_loop}"
"""
SCENE = '[gd_scene format=3]\n\n[node name="Main" type="Node"]\n'


@dataclass(frozen=True)
class Game:
    """The commands that run the game; no release build where Godot has no export templates of ours."""

    editor: list[str]
    release: list[str] | None
    environment: Mapping[str, str]

    def run(self, command: list[str], words: list[str]) -> dict[str, Any]:
        """Run the game with arguments; the numbers that it prints (see its script)."""
        line = [*command, "--", *words]
        finished = subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        for line in finished.stdout.splitlines():
            if line.startswith("bench: "):
                numbers: dict[str, Any] = json.loads(line.removeprefix("bench: "))
                return numbers
        raise SystemExit(f"Godot printed no numbers:\n{finished.stdout}{finished.stderr}")


def make(folder: Path, script: str) -> Game:
    """Make the project in `folder`, with the addon's runtime and a main loop alone, and export it."""
    project, target = folder / "project", folder / "game"
    addon = project / "addons" / "executorch"
    addon.mkdir(parents=True)
    target.mkdir()
    for part in ("bin", "runtime", "icons", "executorch.gdextension"):
        (addon / part).symlink_to(ROOT / "addons" / "executorch" / part)
    source = (ROOT / "benchmarks" / script).read_text(encoding="utf-8")
    main_loop = source.split("class_name ", 1)[1].split()[0]
    (project / "project.godot").write_text(PROJECT.format(main_loop=main_loop), encoding="utf-8")
    (project / "main.tscn").write_text(SCENE, encoding="utf-8")
    (project / script).write_text(source, encoding="utf-8")
    godot = os.environ.get("GODOT", "godot")
    data = str(folder / "data")
    environment = {**os.environ, "XDG_DATA_HOME": data, "XDG_CONFIG_HOME": data, "XDG_CACHE_HOME": data}
    base = [godot, "--headless", "--path", str(project)]
    # The first start finds the extension and the script classes.
    subprocess.run([*base, "--import"], env=environment, capture_output=True, timeout=120, check=False)
    return Game(base, _export(base, project, target, Path(godot).parent, environment), environment)


def _export(
    base: list[str], project: Path, target: Path, templates: Path, environment: Mapping[str, str]
) -> list[str] | None:
    template = templates / "godot-template-release"
    if not template.exists():
        return None
    presets = (ROOT / "sample_project" / "export_presets.cfg").read_text(encoding="utf-8")
    presets = presets.replace('release=""', f'release="{template}"')
    (project / "export_presets.cfg").write_text(presets, encoding="utf-8")
    program = target / "bench.x86_64"
    words = [*base, "--export-release", "Linux", str(program)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 or not program.exists():
        raise SystemExit(f"the release export failed:\n{done.stdout}{done.stderr}")
    return [str(program), "--headless"]
