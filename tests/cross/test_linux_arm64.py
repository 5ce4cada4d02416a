"""The library for Linux arm64, run by qemu-user: the native tests, and a game in Godot for that processor."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks import native
from tasks.console import run
from tasks.cross import arm64_godot, targets
from tasks.environment import FOLDER
from tasks.godot import run_to_end
from tests import godot_projects
from tests.cross.linux_versions import newest_needed
from tests.godot_projects import GodotProject, Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(arm64_godot.EMULATOR) is None, reason="there is no qemu-aarch64 (qemu-user)"),
]

# The C library of Debian's cross compiler.
SYSTEM = "/usr/aarch64-linux-gnu"
# They limit the address space of the process, which is the emulator's.
NOT_EMULATED = ("a memory pool takes no more address space*",)
SCRIPT = """extends Node


func _ready() -> void:
	var model: ExecuTorchResource = load("res://models/linear.pt")
	print("answer ", model.forward({"input_0": [2.5]})["output_0"], " on ", Engine.get_architecture_name())
	get_tree().quit()
"""


@pytest.fixture(scope="module")
def folder(library_of: Callable[[str], Path]) -> Path:
    return library_of("linux-arm64")


def test_native_tests_pass(folder: Path) -> None:
    target = targets.find("linux-arm64")
    run([FOLDER / "bin" / "ctest", "--test-dir", native.BUILD, "-R", "make_models"], log="ctest-models")
    excluded = ",".join(NOT_EMULATED)
    tests = target.build / "tests" / "core_tests"
    command = arm64_godot.command("-L", SYSTEM, tests, f"-tce={excluded}")
    output = run(command, log="core-tests-arm64", timeout=900)
    assert re.search(r"test cases: +\d+ \| +\d+ passed \| +0 failed", output), output


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
    words = arm64_godot.command(
        "-L", SYSTEM, arm64_godot.ensure(), "--headless", "--path", here.path, "res://main.tscn"
    )
    found = Run(*run_to_end(words, timeout=300, env=here.environment))
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
    found = Run(
        *run_to_end(arm64_godot.command("-L", SYSTEM, program, "--headless"), timeout=300, env=here.environment)
    )
    assert "answer [8.0] on arm64" in found.output, found.output
    assert found.errors == [], found.output


def test_report_of_the_sample_is_the_same(folder: Path, godot: Path, tmp_path: Path) -> None:
    sample = godot_projects.copy_sample(tmp_path / "sample_project", godot)
    assert sample.import_all().status == 0
    here = sample.run("--", "--report")
    engine = arm64_godot.command("-L", SYSTEM, arm64_godot.ensure())
    words = [*engine, "--headless", "--path", sample.path, "--", "--report"]
    there = Run(*run_to_end(words, timeout=600, env=sample.environment))
    assert there.output.rstrip().endswith("demo: ok"), there.output
    # x, expected, predicted, and the time.
    row = re.compile(r"^ +(-?[\d.]+ +-?[\d.]+ +-?[\d.]+) +[\d.]+$", re.MULTILINE)
    assert len(row.findall(here.output)) == 8 and row.findall(there.output) == row.findall(here.output)
    right = re.compile(r"digits.pt: (\d+ of \d+)")
    assert right.findall(there.output) == right.findall(here.output) != []


def test_libraries_load_with_the_c_library_of_the_wheel(folder: Path) -> None:
    assert newest_needed(folder, "GLIBC") <= (2, 28)
