"""A real Godot game whose MCP server the tests call (fixture/server.tscn)."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import godot_projects
from tests.godot_projects import GodotProject, is_error

FIXTURE = Path(__file__).resolve().parent / "fixture"
TOKEN = "0123456789abcdef" * 4


@dataclass
class GameServer:
    """A running game. `output` grows while it runs."""

    process: subprocess.Popen[str]
    project: GodotProject
    token: str
    url: str = ""
    output: list[str] = field(default_factory=list)
    # Set where calls are left behind that never return: what they hold is given back by the process's end only.
    leaves_calls: bool = False

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def data_folder(self) -> Path:
        return Path(self.project.environment["XDG_DATA_HOME"]) / "executorch-godot" / "mcp"

    def errors(self) -> list[str]:
        found = [line for line in self.output if is_error(line) or "Unicode parsing error" in line]
        return [line for line in found if not (self.leaves_calls and "still in use at exit" in line)]

    def memory_bytes(self) -> int:
        """Resident memory of the game."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, timeout: float = 60) -> int:
        """Ask the game to end as a game ends; kill it when it does not. Returns its exit status."""
        user_folder = Path(self.project.environment["XDG_DATA_HOME"]) / "godot" / "app_userdata" / "ExecuTorch tests"
        user_folder.mkdir(parents=True, exist_ok=True)
        stop_file = user_folder / f"stop-{self.process.pid}"
        stop_file.touch()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return -9
        finally:
            stop_file.unlink()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that comes soon on any machine; fail when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def game_project(tmp_path_factory: pytest.TempPathFactory, godot: Path) -> GodotProject:
    """A project with the fixture scene, imported once."""
    project = godot_projects.make(tmp_path_factory.mktemp("mcp") / "game", godot)
    shutil.copytree(FIXTURE, project.path / "fixture")
    run = project.import_all()
    assert (project.path / ".godot" / "global_script_class_cache.cfg").exists(), run.output
    return project


@pytest.fixture(scope="session")
def start_game(game_project: GodotProject) -> Iterator[Callable[..., GameServer]]:
    """Start the game with options of fixture/server.gd; `token` is "none", "own" or a text."""
    running: list[GameServer] = []

    def start(*options: str, token: str = TOKEN) -> GameServer:
        server = launch(game_project, "res://fixture/server.tscn", f"token={token}", *options)
        server.token = token if token not in ("none", "own") else ""
        running.append(server)
        return server

    yield start
    ends = [server.stop() if server.process.poll() is None else server.process.returncode for server in running]
    assert set(ends) <= {0}, ends
    assert [line for server in running for line in server.errors()] == []


@pytest.fixture(scope="session")
def game(start_game: Callable[..., GameServer]) -> GameServer:
    """One game for all tests that leave it as it was."""
    return start_game()


def launch(project: GodotProject, scene: str, *options: str, wait: float = 120) -> GameServer:
    """Start a game and wait until it says `READY URL`."""
    command = [str(project.godot), "--headless", "--path", str(project.path), scene, "--", *options]
    process = subprocess.Popen(
        command,
        env={**os.environ, **project.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    server = GameServer(process, project, "")
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            server.output.append(line.rstrip("\n"))
            if line.startswith("READY "):
                server.url = line.split()[1]
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + wait
    while not ready.is_set() and time.monotonic() < deadline:
        time.sleep(0.02)
    if not server.url:
        process.kill()
        raise AssertionError("The game did not start its server:\n" + "\n".join(server.output))
    return server
