"""Fixtures of the backend's tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python_backend.mcp.client import HttpServer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB, or a skipped test where none can be mounted."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if mount is None or os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    folder = tmp_path_factory.mktemp("mcp") / "game"
    (folder / "models").mkdir(parents=True)
    (folder / "project.godot").write_text("config_version=5\n", encoding="ascii")
    for name in ("linear.pt", "linear_state_dict.pth", "linear_portable.pte", "linear_xnnpack.pte"):
        shutil.copy(models / name, folder / "models" / name)
    (folder / "models" / "noise.pt").write_text("not a model", encoding="ascii")
    (folder / "models" / "net.py").write_text(
        "import ctypes, time\nfrom torch import nn\n"
        "def build():\n"
        "    ctypes.CDLL(None).prctl(15, b'mcp_was_asked', 0, 0, 0)\n"
        "    time.sleep(60)\n"
        "    return nn.Linear(1, 1)\n",
        encoding="ascii",
    )
    (folder.parent / "secret.pt").write_bytes((models / "linear.pt").read_bytes())
    (folder / "models" / "way_out.pt").symlink_to(folder.parent / "secret.pt")
    (folder / ".godot").mkdir()
    shutil.copy(models / "linear.pt", folder / ".godot" / "hidden.pt")
    return folder


@pytest.fixture(scope="module")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's data folder of these tests."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def http_server(game: Path, data_home: Path) -> Iterator[HttpServer]:
    server = HttpServer(game, data_home)
    yield server
    server.process.terminate()
    assert server.process.wait(timeout=90) is not None
