"""A game that quits while it downloads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import godot_projects

SERVER = Path(__file__).parent / "server.py"
GAME = """extends Node


func _ready() -> void:
	var url: String = "http://127.0.0.1:%s/slow/file" % OS.get_environment("PORT")
	var download: ExecuTorchDownload = ExecuTorchDownload.start(url, OS.get_environment("HASH"), "user://file.bin")
	download.finished.connect(func(error: ExecuTorchError) -> void: print("ended: ", error.code_name))
	while download.get_received_bytes() == 0:
		await get_tree().process_frame
	get_tree().quit()
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    data, port = tmp_path / "served.bin", tmp_path / "port.txt"
    data.write_bytes(os.urandom(1_000_000))
    server = subprocess.Popen([sys.executable, str(SERVER), str(data), str(port), str(os.getpid())])
    while not port.exists() or not port.read_text():
        assert server.poll() is None
        time.sleep(0.05)
    yield {"PORT": port.read_text().strip(), "HASH": hashlib.sha256(data.read_bytes()).hexdigest()}
    server.kill()
    server.wait()


def test_nothing_stays_in_memory(tmp_path: Path, godot: Path, served: dict[str, str]) -> None:
    project = godot_projects.make(tmp_path / "game", godot)
    project.add_scene("game", GAME)
    project.import_all()
    run = project.run("res://game.tscn", "--verbose", env=served)
    assert run.status == 0 and "ended: CALL_CANCELLED" in run.output, run.output
    assert not run.errors and "leaked" not in run.output, run.output
    (part,) = project.path.rglob("file.bin.*.part")
    assert part.stat().st_size > 0, "the next start continues"
