"""The folder in which a command is started does not decide which code it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import json_output

ROOT = Path(__file__).parents[2]
NAMES = (
    "json", "pathlib", "argparse", "socket", "subprocess", "multiprocessing", "tempfile", "torch", "psutil", "numpy",
    "rich", "executorch", "importlib_metadata", "zipfile", "ctypes",
)  # fmt: skip
BACKEND = [str(ROOT / "python_backend" / "__main__.py")]
IMPORTER = [str(ROOT / "importer" / "__main__.py")]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of modules with names of the standard library and of packages, each of which leaves a canary."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in (*NAMES, "runpy", "sitecustomize", "usercustomize"):
        code = f"from os import open, O_CREAT\nopen({str(tmp_path / 'canary')!r}, O_CREAT)\nraise SystemExit(7)\n"
        (folder / f"{name}.py").write_text(code)
    return folder


def run(folder: Path, command: list[str], *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return subprocess.run(
        [sys.executable, *command, *map(str, words)],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
        input="",
    )


@pytest.mark.parametrize(
    "command",
    [BACKEND, IMPORTER, ["-m", "python_backend"], ["-m", "importer"]],
    ids=["backend", "importer", "-m b", "-m i"],
)
def test_a_command_runs_none_of_it(hostile: Path, command: list[str]) -> None:
    variables = {"PYTHONPATH": str(ROOT)} if command[0] == "-m" else {}
    if command[0] == "-m" and sys.version_info < (3, 11):
        (hostile / "runpy.py").unlink()  # Python itself imports it, before any code of ours
    done = run(hostile, command, "--help", **variables)
    assert done.returncode == 0, done.stderr
    assert not (hostile.parent / "canary").exists()


def test_a_conversion_and_its_processes_run_none_of_it(hostile: Path, models: Path) -> None:
    words = ["convert", models / "linear.pt", "-o", hostile / "out", "--cache", hostile.parent / "cache"]
    done = run(hostile, IMPORTER, *words, "--recipe", "portable")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (hostile.parent / "canary").exists()


def test_a_path_with_an_empty_entry_is_not_passed_on(hostile: Path, models: Path) -> None:
    """`PYTHONPATH=$PYTHONPATH:/x` has one, which means the working folder; a process of ours does not inherit it."""
    from importer.jobs import starting

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(["", ".", "relative", str(ROOT)])
    try:
        entries = starting.environment()["PYTHONPATH"].split(os.pathsep)
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    assert all(Path(entry).is_absolute() for entry in entries)


def test_the_documented_entry_for_assistants(hostile: Path, tmp_path: Path) -> None:
    game = tmp_path / "game"
    game.mkdir()
    (game / "project.godot").write_text("config_version=5\n")
    done = run(hostile, BACKEND, "mcp", "--project", game)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "canary").exists()


def test_the_set_up_runs_none_of_it(hostile: Path) -> None:
    done = run(hostile, BACKEND, "doctor", "--json")
    assert json_output.read(done.stdout, "doctor")["checks"], done.stderr
    script = [str(ROOT / "python_backend" / "environment_setup.py")]
    requirements = hostile.parent / "requirements.txt"
    requirements.write_text("")
    done = run(hostile, script, "--folder", hostile.parent / "made", "--requirements", requirements)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (hostile.parent / "canary").exists()
