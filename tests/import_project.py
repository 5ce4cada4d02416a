"""A project with one good model and one bad file: what every bad-input test begins with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.godot_projects import GodotProject, Run

# Loads the file named on the command line and prints what it answers to 2.5.
ASK = """extends Node


func _ready() -> void:
	var model: ExecuTorchResource = load(OS.get_cmdline_user_args()[0]) as ExecuTorchResource
	if model != null:
		print("answer ", model.forward({"input_0": [2.5]}).get("output_0"))
	else:
		print("answer none")
	get_tree().quit()
"""


@dataclass(frozen=True)
class ModelProject:
    """A project whose `res://models/good.pt` is a fine model (2x + 3)."""

    godot: GodotProject

    def put(self, name: str, content: bytes) -> Path:
        """Write a file into res://models."""
        path = self.godot.path / "models" / name
        path.write_bytes(content)
        return path

    def answer(self, name: str) -> str:
        """What res://models/NAME answers to 2.5 in a game."""
        run = self.godot.run("res://ask.tscn", "--", f"res://models/{name}")
        lines = [line for line in run.output.splitlines() if line.startswith("answer ")]
        assert len(lines) == 1, run.output
        return lines[0].removeprefix("answer ")

    def payloads(self, name: str) -> list[Path]:
        """The installed programs of res://models/NAME."""
        return sorted((self.godot.path / ".godot" / "imported").glob(f"{name}-*.pte"))


def errors_of(run: Run, name: str) -> list[str]:
    """Our error lines about res://models/NAME."""
    return [line for line in run.errors if "ExecuTorch" in line and f"res://models/{name}" in line]


def fill(godot: GodotProject, models: Path) -> ModelProject:
    """Put the good model and the scene that asks it into a project."""
    made = ModelProject(godot)
    (godot.path / "models").mkdir()
    shutil.copy(models / "linear.pt", godot.path / "models" / "good.pt")
    godot.add_scene("ask", ASK)
    return made


@pytest.fixture
def models_project(project: Callable[..., GodotProject], models: Path, artifact_cache: Path) -> ModelProject:
    """A project with one good model, not imported yet. Its artifact cache is shared: only new files convert."""
    return fill(project(cache=artifact_cache), models)
