"""`.import` files of somebody else's project: what they name outside of it is not run, read or written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import godot_projects
from tests.godot_projects import Run

TEMPLATE = """[remap]
importer="executorch.model"
type="{type}"
path="{path}"

[deps]
source_file="{source}"
dest_files=["{path}"]

[params]
{params}
"""
TARGET = "res://.godot/imported/{name}-0123456789abcdef0123456789abcdef.tres"
ABOVE = "res://../outside.tres"

# Import options that no dock writes, and a word of the error that each has; with none the model is imported.
PARAMS: dict[str, tuple[str, str]] = {
    "factory_above": ('factory="res://../outside.py:build"', "PATH_OUTSIDE_PROJECT"),
    "factory_absolute": ('factory="OUTSIDE/outside.py:build"', "PATH_OUTSIDE_PROJECT"),
    "factory_scheme": ('factory="user://outside.py:build"', "option"),
    "factory_list": ('factory=["res://net.py:build"]', "OPTION_INVALID"),
    "factory_dictionary": ('factory={"a": "b"}', "OPTION_INVALID"),
    "calibration_above": ('recipe="xnnpack_int8_static"\ncalibration="res://.."', "PATH_OUTSIDE_PROJECT"),
    "calibration_system": ('recipe="xnnpack_int8_static"\ncalibration="/etc"', "PATH_OUTSIDE_PROJECT"),
    "calibration_loops": ('recipe="xnnpack_int8_static"\ncalibration="res://loops"', "CALIBRATION_EMPTY"),
    "recipe_number": ("recipe=3", "OPTION_INVALID"),
    "recipe_path": ('recipe="../../portable"', "OPTION_INVALID"),
    "deadline_text": ('deadline_seconds="soon"', "OPTION_INVALID"),
    "deadline_nan": ("deadline_seconds=nan", "OPTION_INVALID"),
    "policy_list": ("memory_policy=[1]", "OPTION_INVALID"),
    "policy_far": ("memory_policy=99", ""),
    "level_text": ('optimization_level="fast"', "OPTION_INVALID"),
    "embed_text": ('embed="yes"', "OPTION_INVALID"),
    "unknown_option": ('run_after_import="res://net.py"', ""),
    "long_text": (f'inputs="{"x" * 200_000}"', "OPTION_INVALID"),
    "arguments": ('factory_arguments="{\\"a\\": __import__(\'os\')}"', "OPTION_INVALID"),
}


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, godot: Path, models: Path, artifact_cache: Path
) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "outside.py").write_text(f"import os\nos.mkdir({str(folder / 'canary')!r})\n", encoding="utf-8")
    project = godot_projects.make(folder / "project", godot, artifact_cache)
    (project.path / "net.py").write_text((folder / "outside.py").read_text(encoding="utf-8"), encoding="utf-8")
    (project.path / "loops").mkdir()
    (project.path / "loops" / ".gdignore").touch()
    for name in "abcdef":
        (project.path / "loops" / name).symlink_to(".")
    for name, (params, _) in PARAMS.items():
        path = project.path / f"{name}.pt"
        shutil.copy(models / "linear.pt", path)
        target = ABOVE if name == "policy_far" else TARGET.format(name=path.name)
        kind = "GDScript" if name == "unknown_option" else "Resource"
        text = TEMPLATE.format(type=kind, path=target, source=f"res://{path.name}", params=params)
        path.with_name(f"{path.name}.import").write_text(text.replace("OUTSIDE", str(folder)), encoding="utf-8")
    return folder, project.import_all()


def test_nothing_outside_is_touched(opened: tuple[Path, Run]) -> None:
    folder, run = opened
    assert sorted(path.name for path in folder.iterdir()) == ["outside.py", "project"], run.output[-3000:]
    assert "SCRIPT ERROR" not in run.output, run.output[-5000:]


@pytest.mark.parametrize("name", PARAMS)
def test_the_error_is_the_options(name: str, opened: tuple[Path, Run]) -> None:
    _, run = opened
    lines = [line for line in run.errors if f"res://{name}.pt" in line]
    word = PARAMS[name][1]
    assert len(lines) == 1 and word in lines[0] if word else not lines, "\n".join(lines) or run.output[-3000:]
    assert all(len(line) < 2000 for line in lines)
