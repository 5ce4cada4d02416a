"""Killing any process at any moment loses nothing; a full disk is an error of that one file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.godot_projects import GodotProject
from tests.import_project import ModelProject, errors_of
from tests.processes import TAKE_NAME, unique_name, wait_for_name

# The factory's process takes a name, and takes long enough to be caught in the middle.
NAME = unique_name()
SLOW_FACTORY = f"""import time

import torch


def build():
    {TAKE_NAME.format(name=NAME)}
    time.sleep(60)
    return torch.nn.Linear(1, 1)
"""


def _kill_worker(killed: list[int]) -> None:
    """Kill the process that runs the factory."""
    pid = wait_for_name(NAME, 120.0)
    os.kill(pid, signal.SIGKILL)
    killed.append(pid)


def test_worker_killed_in_the_middle(models_project: ModelProject, models: Path) -> None:
    models_project.put("slow.py", SLOW_FACTORY.encode())
    path = models_project.godot.path / "models" / "weights.pth"
    shutil.copy(models / "linear_state_dict.pth", path)
    path.with_name("weights.pth.import").write_text(
        '[remap]\n\nimporter="executorch.model"\n\n[params]\n\nfactory="res://models/slow.py:build"\n', encoding="utf-8"
    )
    killed: list[int] = []
    killer = threading.Thread(target=_kill_worker, args=(killed,))
    killer.start()
    run = models_project.godot.import_all()
    killer.join()
    assert killed, run.output
    assert len(errors_of(run, "weights.pth")) == 1, run.output
    assert run.status != 0
    assert models_project.answer("good.pt") == "[8.0]"


def test_weights_that_are_written_while_they_are_converted(models_project: ModelProject, models: Path) -> None:
    """A training saves beside a headless import: what the file is at the end is what the game gets."""
    import torch

    path = _slow_weights(models_project, models, "3")
    written: list[int] = []

    def write() -> None:
        written.append(wait_for_name(NAME, 120.0))
        torch.save({"weight": torch.tensor([[3.0]]), "bias": torch.tensor([1.0])}, path.with_name("new"))
        path.with_name("new").replace(path)

    writer = threading.Thread(target=write)
    writer.start()
    run = models_project.godot.import_all()
    writer.join()
    assert written, run.output
    assert errors_of(run, "weights.pth") == [] and run.status == 0, run.output
    assert models_project.answer("weights.pth") == "[8.5]"


@pytest.mark.slow
def test_weights_that_never_stop_changing(models_project: ModelProject, models: Path) -> None:
    """A headless import ends, and says what keeps it from being done."""
    import torch

    path = _slow_weights(models_project, models, "0.2")
    stopped = threading.Event()

    def write() -> None:
        step = 0
        while not stopped.wait(0.1):
            step += 1
            torch.save({"weight": torch.tensor([[3.0]]), "bias": torch.tensor([float(step)])}, path.with_name("new"))
            path.with_name("new").replace(path)

    writer = threading.Thread(target=write)
    writer.start()
    run = models_project.godot.import_all()
    stopped.set()
    writer.join()
    (error,) = errors_of(run, "weights.pth")
    assert run.status not in (0, -9), run.output
    assert "KEY_DIFFERS" in error and "each of 5 conversions" in error, run.output


@pytest.mark.slow
def test_editor_killed_in_the_middle(models_project: ModelProject, models: Path) -> None:
    """No process stays behind, and the next import does the rest."""
    models_project.put("new.pt", (models / "linear_torchscript.pt").read_bytes())
    path = models_project.godot.path
    environment = {
        **os.environ,
        **models_project.godot.environment,
        "EXECUTORCH_TEST_PROJECT": str(path),
    }
    command = [models_project.godot.godot, "--headless", "--path", path, "--import"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(4)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while _left_behind(path) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert _left_behind(path) == []
    (path / "models" / "new.pt").unlink()
    run = models_project.godot.import_all()
    assert run.status == 0, run.output
    assert models_project.answer("good.pt") == "[8.0]"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_full_disk(project: object, models: Path, tmp_path: Path) -> None:
    """The artifact cache is on a file system of 64 KiB: one error, and no half artifact."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a file system")
    try:
        made: GodotProject = project(cache=small)  # type: ignore[operator]
        (made.path / "models").mkdir()
        (small / "filler").write_bytes(b"x" * 50_000)
        shutil.copy(models / "convnet.pt2", made.path / "models" / "large.pt2")
        run = made.import_all()
        assert len(errors_of(run, "large.pt2")) == 1, run.output
        assert run.status != 0
        assert not list(small.rglob("model.pte"))
    finally:
        subprocess.run(["umount", small], check=True)


def _left_behind(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if any(value.startswith(str(folder)) for value in process.environ().values()):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def _slow_weights(models_project: ModelProject, models: Path, seconds: str) -> Path:
    """Weights whose conversion sleeps for so long while the model is built."""
    models_project.put("slow.py", SLOW_FACTORY.replace("(60)", f"({seconds})").encode())
    path = models_project.godot.path / "models" / "weights.pth"
    shutil.copy(models / "linear_state_dict.pth", path)
    path.with_name("weights.pth.import").write_text(
        '[remap]\n\nimporter="executorch.model"\n\n[params]\n\nfactory="res://models/slow.py:build"\n'
        'inputs="float32[1,1]"\n',
        encoding="utf-8",
    )
    return path
