"""An editor that dies in the middle of a conversion loses nothing: the next run takes the file up again."""

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
