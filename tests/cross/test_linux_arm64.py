"""The library for Linux arm64, run by qemu-user: the native tests, the tests of the runtime, and games."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks import native
from tasks.console import run
from tasks.cross import arm64_godot, targets, toolchains
from tasks.environment import FOLDER
from tasks.godot import run_to_end
from tests import godot_cases, godot_projects
from tests.cross.linux_versions import newest_needed
from tests.godot_projects import GodotProject, Run, is_error

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(toolchains.ARM64_COMPILER) is None, reason="there is no g++-aarch64-linux-gnu"),
]

SCRIPT = """extends Node


func _ready() -> void:
	var model: ExecuTorchResource = load("res://models/linear.pt")
	print("answer ", model.forward({"input_0": [2.5]})["output_0"], " on ", Engine.get_architecture_name())
	get_tree().quit()
"""


@pytest.fixture(scope="module")
def folder(library_of: Callable[[str], Path]) -> Path:
    return library_of("linux-arm64")


@pytest.mark.parametrize("name", ["core_tests", "platform/platform_tests"])
def test_native_tests_pass(folder: Path, name: str) -> None:
    run([FOLDER / "bin" / "ctest", "--test-dir", native.BUILD, "-R", "make_models"], log="ctest-models")
    tests = targets.find("linux-arm64").build / "tests" / name
    output = run(arm64_godot.command(tests), log="native-tests-arm64", timeout=900, cwd=tests.parent)
    assert re.search(r"test cases: +\d+ \| +\d+ passed \| +0 failed", output), output


def test_runtime_tests_pass(folder: Path) -> None:
    runtime = godot_cases.TESTS / "runtime"
    selected = godot_cases.cases_of(runtime)
    engine = arm64_godot.command(arm64_godot.ensure())
    group = godot_cases.run_group(runtime, selected, engine=engine)
    assert len(selected) > 100 and list(group.cases) == selected, group.tail
    assert {case: found for case, found in group.cases.items() if found.problems or not found.done} == {}
    assert group.status == 0 and not any(map(is_error, group.outside)), group.outside


def test_game_gives_the_same_number_as_on_this_machine(
    folder: Path, project: Callable[..., GodotProject], models: Path
) -> None:
    here = project()
    here.add([models / "linear.pt"])
    here.add_scene("main", SCRIPT)
    imported = here.import_all()
    assert imported.status == 0, imported.output
    expected = here.run("res://main.tscn")
    assert "answer [8.0] on x86_64" in expected.output, expected.output
    found = here.run("res://main.tscn", timeout=300, engine=arm64_godot.command(arm64_godot.ensure()))
    assert "answer [8.0] on arm64" in found.output, found.output
    assert found.errors == [], found.output


def test_exported_game_gives_the_same_number(
    folder: Path, project: Callable[..., GodotProject], models: Path, tmp_path: Path
) -> None:
    here = project()
    here.add([models / "linear.pt"])
    here.add_scene("main", SCRIPT, is_main=True)
    assert here.import_all().status == 0
    program = tmp_path / "game" / "game.arm64"
    exported = here.export(program, templates=arm64_godot.ensure().parent, architecture="arm64")
    assert exported.status == 0, exported.output
    found = Run(*run_to_end(arm64_godot.command(program, "--headless"), timeout=300, env=here.environment))
    assert "answer [8.0] on arm64" in found.output, found.output
    assert found.errors == [], found.output


def test_report_of_the_sample_is_the_same(folder: Path, godot: Path, tmp_path: Path) -> None:
    sample = godot_projects.copy_sample(tmp_path / "sample_project", godot)
    assert sample.import_all().status == 0
    here = sample.run("--", "--report")
    there = sample.run("--", "--report", timeout=600, engine=arm64_godot.command(arm64_godot.ensure()))
    assert there.output.rstrip().endswith("demo: ok"), there.output
    # x, expected, predicted, and the time.
    row = re.compile(r"^ +(-?[\d.]+ +-?[\d.]+ +-?[\d.]+) +[\d.]+$", re.MULTILINE)
    assert len(row.findall(here.output)) == 8 and row.findall(there.output) == row.findall(here.output)
    right = re.compile(r"digits.pt: (\d+ of \d+)")
    assert right.findall(there.output) == right.findall(here.output) != []


def test_libraries_load_with_the_c_library_of_the_wheel(folder: Path) -> None:
    assert newest_needed(folder, "GLIBC") <= (2, 28)
