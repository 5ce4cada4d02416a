"""Who reaches the MCP server without an engine, and how it begins and ends."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from python_backend.mcp_server import access
from tests.python_backend.editor import ROOT
from tests.python_backend.mcp.client import HttpServer, parameters

INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
).encode()


def test_http_lets_in_only_who_may(http_server: HttpServer) -> None:
    assert http_server.post(INITIALIZE).status_code == 200
    for header in ("Bearer wrong", "", f"Basic {http_server.token}", f"bearer{http_server.token}"):
        assert http_server.post(INITIALIZE, Authorization=header).status_code == 401, header
    assert http_server.post(INITIALIZE, Origin="http://evil.example").status_code == 403
    assert http_server.post(INITIALIZE, Host="evil.example:80").status_code == 421
    assert http_server.post(b"x" * ((1 << 20) + 1)).status_code == 413
    assert http_server.post(b"no json").status_code == 400
    assert http_server.post(INITIALIZE).status_code == 200
    connections = psutil.Process(http_server.process.pid).net_connections()
    listening = {connection.laddr.ip for connection in connections if connection.status == "LISTEN"}
    assert listening == {"127.0.0.1"}


def test_the_token_is_the_users_alone(
    http_server: HttpServer, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(data_home))
    mode = stat.S_IMODE(access.token_file().stat().st_mode)
    assert mode == 0o600
    assert len(http_server.token) == 64
    assert access.load_or_make_token() == http_server.token
    monkeypatch.setenv("EXECUTORCH_MCP_TOKEN", "given")
    assert access.load_or_make_token() == "given"
    assert "EXECUTORCH_MCP_TOKEN" not in os.environ


def test_a_server_that_cannot_start_says_why(tmp_path: Path, http_server: HttpServer, game: Path) -> None:
    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "python_backend", "mcp", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)

    nothing = start("--project", str(tmp_path))
    assert nothing.returncode == 2
    assert nothing.stderr.startswith("error NOT_A_PROJECT")
    no_port = start("--project", str(game), "--http", "70000")
    assert no_port.returncode == 5
    assert no_port.stderr.startswith("error PORT_NOT_AVAILABLE")
    port = http_server.url.split(":")[2].split("/")[0]
    taken = start("--project", str(game), "--http", port)
    assert taken.returncode == 5
    assert taken.stderr.startswith("error PORT_NOT_AVAILABLE")


def test_a_token_that_cannot_be_kept_is_told(tmp_path: Path, game: Path) -> None:
    (tmp_path / "executorch-godot").write_text("a file in the place of the folder", encoding="ascii")
    # In a process of its own: the server ends all that its process has started.
    command = [sys.executable, "-m", "python_backend", "mcp", "--project", str(game), "--http", "0"]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 5
    assert ended.stderr.startswith("error TOKEN_NOT_STORED: ")


def test_stdio_server_ends_with_its_client(game: Path, data_home: Path) -> None:
    described = parameters(game, data_home)
    process = subprocess.Popen(
        [described.command, *described.args], env=described.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=90) == 0
