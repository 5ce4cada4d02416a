"""The official conformance suite and inspector (npm) against the engine's server. Skipped where there is no npm."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.mcp import http
from tests.mcp.clients import conformance_suite as suite
from tests.mcp.conftest import GameServer

INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"


@pytest.fixture(scope="module")
def open_game(start_game: Callable[..., GameServer]) -> GameServer:
    """The suite cannot send a token."""
    return start_game(token="none")


def test_released_suite(open_game: GameServer) -> None:
    selection = ("--suite", "all")
    suite.assert_all_pass(lambda: suite.run(suite.RELEASED, "conformance", open_game.url, *selection), 32, {})
    assert not open_game.errors()


@pytest.mark.slow
def test_released_suite_among_500_silent_connections(open_game: GameServer) -> None:
    with silent_connections(open_game.port, 500):
        test_released_suite(open_game)


@contextmanager
def silent_connections(port: int, count: int) -> Iterator[None]:
    """Connections that say nothing; where the server closes one, another comes."""
    ended = threading.Event()

    def hold() -> None:
        held: list[socket.socket] = []
        while not ended.is_set():
            closed, _, _ = select.select(held, [], [], 0)
            for client in closed:
                held.remove(client)
                client.close()
            while len(held) < count and not ended.is_set():
                with suppress(OSError):
                    held.append(http.connect(port))
            ended.wait(0.05)
        for client in held:
            client.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        yield
    finally:
        ended.set()
        holder.join()


@pytest.mark.parametrize(
    ("revision", "least", "cannot_apply"), [("2025-11-25", 33, {}), ("2026-07-28", 40, suite.EXTENSIONS)]
)
def test_requirements_of_revision(
    open_game: GameServer, revision: str, least: int, cannot_apply: dict[str, str]
) -> None:
    selection = ("--requirements", revision)
    suite.assert_all_pass(
        lambda: suite.run(suite.CURRENT, "conformance-next", open_game.url, *selection), least, cannot_apply
    )
    assert not open_game.errors()


def test_inspector(game: GameServer) -> None:
    home = suite.install(INSPECTOR, "inspector")
    node = home / "node_modules" / ".bin" / "node"
    launcher = (
        home / "node_modules" / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
    )

    def inspect(*arguments: str) -> dict[str, object]:
        command = [node, launcher, "--cli", game.url, "--transport", "http", *arguments]
        command += ["--header", f"Authorization: Bearer {game.token}"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, object] = json.loads(done.stdout)
        return result

    listed = inspect("--method", "tools/list")["tools"]
    assert isinstance(listed, list)
    assert "echo" in {tool["name"] for tool in listed}
    called = inspect("--method", "tools/call", "--tool-name", "echo", "--tool-arg", "value=7")
    assert called["structuredContent"] == {"value": 7}
