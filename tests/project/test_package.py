"""The package: unzipped into an empty project it imports and runs a model, with no checkout beside it."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from pathlib import Path

from tasks import package
from tasks.cross import targets
from tests.godot_projects import ROOT, TEMPLATE, GodotProject

SCRIPT = """extends Node


func _ready() -> void:
	var model: ExecuTorchResource = load("res://linear.pt")
	print("answer ", model.forward({"input_0": [2.5]})["output_0"])
	get_tree().quit()
"""


def test_package_works_in_an_empty_project(tmp_path: Path, godot: Path, models: Path) -> None:
    path = tmp_path / "game"
    path.mkdir()
    pages = {page.name: page.read_bytes() for page in (ROOT / "docs").glob("*.md")}
    made = package.make_package([targets.host()])
    assert made.parent == ROOT / "dist" and made.suffix == ".zip"
    assert pages == {page.name: page.read_bytes() for page in (ROOT / "docs").glob("*.md")}
    with zipfile.ZipFile(made) as archive:
        names = archive.namelist()
        archive.extractall(path)
    # The sample's files lie elsewhere than in the sample project.
    tasks = (path / "addons" / "executorch" / "docs" / "tasks.md").read_text(encoding="utf-8")
    assert 'load("res://executorch_sample/models/digits.pt")' in tasks
    assert all(name.startswith(("addons/executorch/", "executorch_sample/")) for name in names)
    needed = ("LICENSE", "NOTICE", "README.md", "plugin.cfg", "python/requirements.txt", "python/importer/__main__.py")
    assert {f"addons/executorch/{name}" for name in needed} | {"executorch_sample/main.tscn"} <= set(names)
    # Every page of the documentation that a message or a comment of the package names is in it.
    texts = [file for file in path.rglob("*") if file.suffix in (".gd", ".py") or file.name == "README.md"]
    named = {page for file in texts for page in re.findall(r"docs/\w+\.md", file.read_text(encoding="utf-8"))}
    assert named and {f"addons/executorch/{page}" for page in named} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".uid.tmp")]
    text = TEMPLATE.read_text(encoding="utf-8").replace("@CACHE@", "res://.godot/executorch_cache")
    (path / "project.godot").write_text(text, encoding="utf-8")
    shutil.copy(models / "linear.pt", path / "linear.pt")
    environment = {
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "EXECUTORCH_PYTHON": sys.executable,
    }
    project = GodotProject(path, godot, environment)
    project.add_scene("main", SCRIPT)
    imported = project.import_all()
    assert imported.status == 0, imported.output
    run = project.run("res://main.tscn")
    assert "answer [8.0]" in run.output, imported.output + run.output
    assert run.errors == []
    sample = project.run("res://executorch_sample/main.tscn", "--quit-after", "30")
    assert sample.errors == [] and sample.status == 0, sample.output
