"""The official conformance suite and inspector (npm) against the engine's server. Skipped where there is no npm."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mcp.conftest import GameServer

TOOLS = Path(__file__).resolve().parents[2] / ".cache" / "npm"
NODE = "node@22"
# The released suite, and the one that knows revision 2026-07-28.
RELEASED = "@modelcontextprotocol/conformance@0.1.16"
CURRENT = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
# Scenarios of the optional extension io.modelcontextprotocol/tasks, which this server does not offer.
EXTENSION = re.compile(r"^tasks-")


@pytest.fixture(scope="session")
def npm_packages() -> Callable[[str, str], Path]:
    """Install an npm package, with Node, into a folder of its own."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine")

    def install(package: str, folder: str) -> Path:
        home = TOOLS / folder
        wanted = f"{package} {NODE}"
        stamp = home / "installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            home.mkdir(parents=True, exist_ok=True)
            (home / "package.json").write_text('{"private": true}\n')
            command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", package, NODE]
            done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=500)
            if done.returncode != 0:
                pytest.skip(f"npm could not install {package}: {done.stderr[-300:]}")
            stamp.write_text(wanted)
        return home

    return install


@pytest.fixture(scope="session")
def open_game(start_game: Callable[..., GameServer]) -> GameServer:
    """The suite cannot send a token."""
    return start_game(token="none")


def run_suite(home: Path, *arguments: str) -> dict[str, tuple[int, int]]:
    """Run the suite; scenario -> (passed, failed)."""
    node = home / "node_modules" / ".bin" / "node"
    suite = home / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    done = subprocess.run(
        [node, suite, "server", *arguments], cwd=home, capture_output=True, text=True, timeout=400, env={**os.environ}
    )
    found = re.findall(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return {name: (int(passed), int(failed)) for name, passed, failed in found}


def assert_all_pass(run: Callable[[], dict[str, tuple[int, int]]], least: int) -> None:
    """The suite waits for some answers for less than a second, so a busy machine gets a second run."""
    wrong: dict[str, tuple[int, int]] = {}
    for _ in range(2):
        scenarios = {name: counts for name, counts in run().items() if not EXTENSION.match(name)}
        assert len(scenarios) >= least
        wrong = {name: counts for name, counts in scenarios.items() if counts[1] or not counts[0]}
        if not wrong:
            return
    raise AssertionError(wrong)


def test_released_suite(npm_packages: Callable[[str, str], Path], open_game: GameServer) -> None:
    home = npm_packages(RELEASED, "conformance")
    assert_all_pass(lambda: run_suite(home, "--url", open_game.url, "--suite", "all"), 32)
    assert not open_game.errors()


@pytest.mark.parametrize(("revision", "least"), [("2025-11-25", 33), ("2026-07-28", 40)])
def test_requirements_of_revision(
    npm_packages: Callable[[str, str], Path], open_game: GameServer, revision: str, least: int
) -> None:
    home = npm_packages(CURRENT, "conformance-next")
    assert_all_pass(lambda: run_suite(home, "--url", open_game.url, "--requirements", revision), least)
    assert not open_game.errors()


def test_inspector(npm_packages: Callable[[str, str], Path], game: GameServer) -> None:
    home = npm_packages(INSPECTOR, "inspector")
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
