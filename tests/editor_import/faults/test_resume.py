"""An editor that ends in the middle of a conversion loses nothing: the next run takes the file up again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.godot_projects import GodotProject

ASK = """extends SceneTree


func _init() -> void:
	var model: ExecuTorchResource = load("res://models/new.pt")
	print("answer ", model.forward({"input_0": [2.5]}).get("output_0"))
	quit()
"""

CLOSER = """@tool
extends EditorPlugin


func _process(_delta: float) -> void:
	var jobs: Node = get_tree().root.find_child("ExecuTorchJobs", true, false)
	var job: RefCounted = jobs.find_job("res://models/new.pt") if jobs != null else null
	if job != null and job.stage not in ["queued", "start"]:
		print("closed while ", "running" if not job.is_ended() else "ended")
		get_tree().quit()
"""


def test_editor_closed_in_the_middle_of_a_job(
    project: Callable[..., GodotProject], models: Path, tmp_path: Path
) -> None:
    made = project(cache=tmp_path / "cache")
    made.add([models / "linear.pt"])
    (made.path / "models" / "linear.pt").rename(made.path / "models" / "new.pt")
    plugin = made.path / "addons" / "closer"
    plugin.mkdir()
    (plugin / "plugin.gd").write_text(CLOSER, encoding="utf-8")
    (plugin / "plugin.cfg").write_text(
        '[plugin]\nname="Closer"\ndescription=""\nauthor=""\nversion="1"\nscript="plugin.gd"\n', encoding="utf-8"
    )
    settings = made.path / "project.godot"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace('plugin.cfg")', 'plugin.cfg", "res://addons/closer/plugin.cfg")'), encoding="utf-8"
    )
    run = made.run("--editor", timeout=300)
    assert "closed while running" in run.output, run.output
    assert run.errors == [], run.output
    record = made.path / ".godot" / "executorch_jobs.json"
    assert json.loads(record.read_text())["res://models/new.pt"]["state"] == "queued"
    settings.write_text(text, encoding="utf-8")
    run = made.import_all()
    assert run.status == 0, run.output
    assert json.loads(record.read_text()) == {}


def test_editor_killed_in_the_middle_of_a_job(
    project: Callable[..., GodotProject], models: Path, tmp_path: Path
) -> None:
    made = project(cache=tmp_path / "cache")
    (made.path / "models").mkdir()
    (made.path / "models" / "new.pt").write_bytes((models / "linear.pt").read_bytes())
    (made.path / "ask.gd").write_text(ASK, encoding="utf-8")
    record = made.path / ".godot" / "executorch_jobs.json"
    editor = subprocess.Popen(
        [made.godot, "--headless", "--path", made.path, "--editor"],
        env={**os.environ, **made.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 300
        while not (record.exists() and "new.pt" in record.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        editor.kill()
        editor.wait()
    assert json.loads(record.read_text())["res://models/new.pt"]["state"] == "queued"
    run = made.import_all()
    assert run.status == 0, run.output
    assert "answer [8.0]" in made.run("--script", "ask.gd").output
    assert json.loads(record.read_text()) == {}
