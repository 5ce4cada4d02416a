"""A model with its weights in a `.ptd`: imported, run, and run again out of an export whose project is gone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.godot_projects import GodotProject

ASK = """extends Node


func _ready() -> void:
	var model: ExecuTorchResource = load("res://models/convnet.pt2")
	var input: PackedFloat32Array = []
	for index: int in 3 * 32 * 32:
		input.append(sin(index))
	print("external ", model.external_paths.size())
	print("answer ", model.forward_array(input))
	_run_unknown_file()
	get_tree().quit()


## A file without a known hash is tried in a child process first, also in an exported game.
func _run_unknown_file() -> void:
	(load("res://models/linear.pt") as ExecuTorchResource).save_to_file("user://unknown.pte")
	var unknown: ExecuTorchResource = ExecuTorchResource.new()
	unknown.load_from_file("user://unknown.pte")
	var tried: String = FileAccess.get_file_as_string("user://executorch_tried_files.txt")
	print("unknown ", unknown.forward_array([2.0]), " tried ", tried.split("\n", false).size() - 1)
	print("copies ", DirAccess.dir_exists_absolute("user://executorch_external"))
"""


def _answers(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(("external ", "answer ", "unknown ", "copies "))]


def test_external_weights(
    project: Callable[..., GodotProject], models: Path, artifact_cache: Path, tmp_path: Path
) -> None:
    made = project(cache=artifact_cache)
    made.add([models / "convnet.pt2", models / "linear.pt"])
    made.add_scene("ask", ASK, is_main=True)
    assert made.import_all().status == 0
    plain = _answers(made.run("res://ask.tscn").output)
    settings = made.path / "models" / "convnet.pt2.import"
    text = settings.read_text(encoding="utf-8")
    assert "external_weights=false" in text
    settings.write_text(text.replace("external_weights=false", "external_weights=true"), encoding="utf-8")
    game = tmp_path / "game"
    run = made.export(game / "game.x86_64")
    assert run.status == 0, run.output
    external = _answers(made.run("res://ask.tscn").output)
    assert external[0] == "external 1", external
    assert plain[0] == "external 0"
    assert external[1] == plain[1], "the weights are the same, wherever they are"
    shutil.rmtree(made.path)
    done = subprocess.run(
        [game / "game.x86_64", "--headless"],
        cwd=tmp_path,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert _answers(done.stdout)[:2] == external[:2], done.stdout
    assert _answers(done.stdout)[2:] == ["unknown [7.0] tried 1", "copies false"], done.stdout
