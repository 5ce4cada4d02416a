"""The runner of GDScript cases must be able to fail: a group of its own, run in a pytest of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.godot_projects import ROOT

CASES = """extends "res://tests/case.gd"


func test_passes() -> void:
	check_equal([1, 2], [1, 2])
	check_near(PackedFloat32Array([1.0]), [1.0])
	expect_error("on purpose")
	push_error("on purpose")


func test_wrong_value() -> void:
	check_equal(1, 2)


func test_unexpected_error() -> void:
	push_error("by accident")


func test_missing_error() -> void:
	expect_error("never comes")


func test_ends_the_engine() -> void:
	OS.kill(OS.get_process_id())
	OS.delay_msec(5000)


func test_not_reached() -> void:
	pass
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A group of cases inside tests/, where the collector looks, and gone afterwards."""
    folder = ROOT / "tests" / "cases_of_the_runner"
    folder.mkdir()
    (folder / "godot.json").write_text(json.dumps({"mode": "game", "timeout": 60}), encoding="utf-8")
    (folder / "runner_test.gd").write_text(CASES, encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


def test_each_way_to_fail_is_told(group: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", str(group)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    status = {line.split("::")[1].split(" ")[0]: line.split(" ")[0] for line in lines if "runner_test.gd::" in line}
    assert status == {
        "test_passes": "PASSED",
        "test_wrong_value": "FAILED",
        "test_unexpected_error": "FAILED",
        "test_missing_error": "FAILED",
        "test_ends_the_engine": "FAILED",
        "test_not_reached": "FAILED",
    }, done.stdout
    assert "expected 2, got 1" in done.stdout
    assert "by accident" in done.stdout
    assert "Godot ended inside this case" in done.stdout
