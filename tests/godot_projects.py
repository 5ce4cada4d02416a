"""Temporary Godot projects with the addon linked, and runs of the real Godot on them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks import godot as godot_task

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "tests" / "project_template" / "project.godot"
PRESETS = ROOT / "sample_project" / "export_presets.cfg"
SCENE = """[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://{name}.gd" id="1"]
[node name="Main" type="Node"]
script = ExtResource("1")
"""


@dataclass(frozen=True)
class Run:
    """What a finished Godot printed (both streams, in order) and how it ended."""

    output: str
    status: int

    @property
    def errors(self) -> list[str]:
        """The lines that Godot reports as errors."""
        return [line for line in self.output.splitlines() if is_error(line)]

    @property
    def answers(self) -> list[Any]:
        """What a script printed for the test: JSON in lines that begin with `@@ `."""
        return [json.loads(line[3:]) for line in self.output.splitlines() if line.startswith("@@ ")]


def is_error(line: str) -> bool:
    """Whether Godot printed this line as an error."""
    return line.startswith(("ERROR:", "SCRIPT ERROR:", "USER ERROR:", "USER SCRIPT ERROR:"))


@dataclass(frozen=True)
class GodotProject:
    """A project folder and the Godot that opens it."""

    path: Path
    godot: Path
    environment: Mapping[str, str]

    def run(
        self,
        *arguments: str | Path,
        timeout: float = 120,
        env: Mapping[str, str] | None = None,
        engine: Sequence[str | Path] = (),
    ) -> Run:
        """Run `godot --headless --path PROJECT ARGUMENTS`. A Godot that hangs is killed and its status is -9.

        engine: the words that start another Godot than the project's.
        """
        words = [*(engine or (self.godot,)), "--headless", "--path", self.path, *arguments]
        return Run(*godot_task.run_to_end(words, timeout=timeout, env={**self.environment, **(env or {})}))

    def import_all(self, timeout: float = 300, env: Mapping[str, str] | None = None) -> Run:
        """Import the project's files headless, as a first open does."""
        return self.run("--import", timeout=timeout, env=env)

    def add(self, files: Iterable[Path], folder: str = "models") -> None:
        """Copy files into a folder of the project."""
        target = self.path / folder
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, target / file.name)

    def add_scene(self, name: str, script: str, *, is_main: bool = False) -> None:
        """Write `res://NAME.tscn`, a node with a script; as the main scene, it is the one that exported games run."""
        (self.path / f"{name}.gd").write_text(script, encoding="utf-8")
        (self.path / f"{name}.tscn").write_text(SCENE.format(name=name), encoding="utf-8")
        if is_main:
            file = self.path / "project.godot"
            settings, line = file.read_text(encoding="utf-8"), f'run/main_scene="res://{name}.tscn"\n'
            assert "[application]\n" in settings
            if line not in settings:
                file.write_text(settings.replace("[application]\n", f"[application]\n\n{line}", 1), encoding="utf-8")

    def answers_of(self, script: str, timeout: float = 120) -> list[Any]:
        """The answers of a node with this script, in a scene of its own."""
        self.add_scene("answers", script)
        run = self.run("res://answers.tscn", timeout=timeout)
        assert run.status == 0 and run.errors == [], run.output
        return run.answers

    def export(
        self,
        program: Path,
        kind: str = "release",
        feature: str = "",
        templates: Path | None = None,
        architecture: str = "x86_64",
    ) -> Run:
        """Export the game for Linux to `program`, with a custom feature of the preset. templates: those of another
        processor. Skips the test when Godot came without export templates."""
        templates = templates or godot_task.ensure().templates
        if templates is None:
            pytest.skip("this machine's own Godot has no export templates of ours")
        template = f'{kind}="{templates / f"godot-template-{kind}"}"'
        presets = PRESETS.read_text(encoding="utf-8").replace(f'{kind}=""', template)
        assert 'custom_features=""' in presets
        presets = presets.replace('custom_features=""', f'custom_features="{feature}"')
        presets = presets.replace('architecture="x86_64"', f'architecture="{architecture}"')
        (self.path / "export_presets.cfg").write_text(presets, encoding="utf-8")
        program.parent.mkdir(parents=True, exist_ok=True)
        return self.run(f"--export-{kind}", "Linux", program, timeout=400)


def make(path: Path, godot: Path, cache: Path | str = "res://.godot/executorch_cache") -> GodotProject:
    """Make a project at `path` from the template, with the addon linked into it."""
    (path / "addons").mkdir(parents=True, exist_ok=True)
    text = TEMPLATE.read_text(encoding="utf-8").replace("@CACHE@", str(cache))
    (path / "project.godot").write_text(text, encoding="utf-8")
    link = path / "addons" / "executorch"
    if not link.exists():
        link.symlink_to(ROOT / "addons" / "executorch", target_is_directory=True)
    data = path / ".godot_data"
    # Editor settings and user data of a test stay with the test.
    environment = {
        "XDG_DATA_HOME": str(data / "data"),
        "XDG_CONFIG_HOME": str(data / "config"),
        "XDG_CACHE_HOME": str(data / "cache"),
        "EXECUTORCH_CHECKOUT": str(ROOT),
        "EXECUTORCH_PYTHON": str(ROOT / ".venv" / "bin" / "python"),
    }
    data.mkdir(exist_ok=True)
    (data / ".gdignore").touch()
    return GodotProject(path, godot, environment)


def copy_sample(path: Path, godot: Path, settings: str = "") -> GodotProject:
    """A clean copy of the sample project, never opened, with the addon linked; `settings` are added to its own."""
    shutil.copytree(ROOT / "sample_project", path, ignore=shutil.ignore_patterns(".godot", "addons"))
    (path / "addons").mkdir()
    (path / "addons" / "executorch").symlink_to(ROOT / "addons" / "executorch", target_is_directory=True)
    with (path / "project.godot").open("a", encoding="utf-8") as file:
        file.write(settings)
    data = str(path.parent / "data")
    python = str(ROOT / ".venv" / "bin" / "python")
    return GodotProject(path, godot, {"XDG_DATA_HOME": data, "XDG_CONFIG_HOME": data, "EXECUTORCH_PYTHON": python})
