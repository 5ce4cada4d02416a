"""Who may come in, and what comes of those who may not."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from collections.abc import Callable

import pytest

from tests.mcp import http
from tests.mcp.conftest import GameServer

LIST = http.modern("tools/list")


def status(game: GameServer, token: str, **headers: str) -> int:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.exchange(game.port, http.modern_post(LIST, token, fields)).status


def test_right_token(game: GameServer) -> None:
    assert status(game, game.token) == 200


@pytest.mark.parametrize("token", ["", "wrong", "0" * 64, "é" * 10])
def test_wrong_token(game: GameServer, token: str) -> None:
    reply = http.exchange(game.port, http.modern_post(LIST, token))
    assert reply.status in (400, 401)
    assert game.token.encode() not in reply.body
    assert b"tools" not in reply.body


def test_token_with_a_tail(game: GameServer) -> None:
    assert status(game, game.token + "0") == 401
    assert status(game, game.token[:-1]) == 401
    assert status(game, "", Authorization=game.token) == 401
    assert status(game, "", Authorization=f"Basic {game.token}") == 401


def test_wrong_token_is_refused_before_the_body(game: GameServer) -> None:
    raw = http.modern_post(LIST, "wrong").split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert http.exchange(game.port, raw, timeout=3).status == 401


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example.com",
        "null",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "https://localhost@evil.com",
        "file://",
        "http://localhost:80:80",
    ],
)
def test_forged_origin(game: GameServer, origin: str) -> None:
    assert status(game, game.token, Origin=origin) == 403


@pytest.mark.parametrize("host", ["evil.example.com", "localhost.evil.com", "127.0.0.1:1", "[::2]", "0.0.0.0"])
def test_forged_host(game: GameServer, host: str) -> None:
    assert status(game, game.token, Host=host) == 403


def test_own_host_and_origin(game: GameServer) -> None:
    for host in (f"127.0.0.1:{game.port}", f"localhost:{game.port}", f"[::1]:{game.port}", "LOCALHOST"):
        assert status(game, game.token, Host=host) == 200
    for origin in ("http://localhost:3000", f"http://127.0.0.1:{game.port}", "https://localhost"):
        assert status(game, game.token, Origin=origin) == 200


def test_page_cannot_post_without_asking(game: GameServer) -> None:
    """A form or `fetch` without preflight can send these types only."""
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert status(game, game.token, Content_Type=content_type) == 415
    options = http.post(b"", game.token).replace(b"POST", b"OPTIONS", 1)
    reply = http.exchange(game.port, options)
    assert reply.status == 405
    assert "access-control-allow-origin" not in reply.headers


def test_only_loopback(game: GameServer) -> None:
    listening = subprocess.run(["ss", "-ltn"], capture_output=True, text=True, check=False).stdout
    if not listening:
        with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123
            rows = [line.split()[1] for line in table if line.split()[3] == "0A"]
        assert f"0100007F:{game.port:04X}" in rows
        assert not [row for row in rows if row.endswith(f":{game.port:04X}") and not row.startswith("0100007F")]
    else:
        rows = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{game.port}")]
        assert rows == [f"127.0.0.1:{game.port}"]


def test_other_paths(game: GameServer) -> None:
    for path in ("/", "/mcp/", "/mcp/../mcp", "/MCP", "/.well-known/oauth-protected-resource", "/mcp%2f", "//mcp"):
        raw = http.post(LIST, game.token, path=path)
        assert http.exchange(game.port, raw).status == 404


def test_paths_do_not_escape(game: GameServer) -> None:
    for uri in ("test://template/../../etc/passwd/data", "file:///etc/passwd", "res://../../etc/passwd", "test://../x"):
        message = http.modern("resources/read", {"uri": uri})
        reply = http.exchange(game.port, http.modern_post(message, game.token))
        assert reply.status == 400
        assert reply.json["error"]["code"] == -32602


def test_read_only_until_told(game: GameServer, start_game: Callable[..., GameServer]) -> None:
    listed = http.exchange(game.port, http.modern_post(LIST, game.token)).json["result"]["tools"]
    assert "write" not in {tool["name"] for tool in listed}
    refused = http.call_tool(game.port, game.token, "write").json["result"]
    assert refused["isError"]
    writer = start_game("write")
    listed = http.exchange(writer.port, http.modern_post(LIST, writer.token)).json["result"]["tools"]
    assert "write" in {tool["name"] for tool in listed}
    assert http.call_tool(writer.port, writer.token, "write").json["result"]["content"][0]["text"] == "written"
    assert writer.stop() == 0


def test_own_token_and_discovery_file(start_game: Callable[..., GameServer]) -> None:
    game = start_game(token="own")
    files = list(game.data_folder.glob(f"{game.process.pid}-*.json"))
    assert [file.name for file in files] == [f"{game.process.pid}-{game.port}.json"]
    content = json.loads(files[0].read_text())
    token = (game.data_folder / "token").read_text().strip()
    assert (content["token"], content["url"], content["kind"]) == (token, game.url, "game")
    assert content["project"] == str(game.project.path)
    for file in (files[0], game.data_folder / "token"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(game.data_folder.stat().st_mode) == 0o700
    assert not str(game.data_folder).startswith(str(game.project.path / "addons"))
    assert status(game, token) == 200
    assert status(game, "") == 401
    assert not [line for line in game.output if token in line]
    assert game.stop() == 0
    assert not files[0].exists()
    again = start_game(token="own")
    assert status(again, token) == 200
    assert again.stop() == 0


def test_session_is_a_secret_of_its_own(game: GameServer) -> None:
    opening = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    session = http.exchange(game.port, http.post(opening, game.token)).headers["mcp-session-id"]
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert http.exchange(game.port, http.post(ping, game.token, {"Mcp-Session-Id": session})).status == 200
    assert http.exchange(game.port, http.post(ping, "", {"Mcp-Session-Id": session})).status == 401
    assert http.exchange(game.port, http.post(ping, game.token, {"Mcp-Session-Id": session[:-1] + "x"})).status == 404
    assert http.exchange(game.port, http.post(ping, game.token)).status == 400
    assert not [line for line in game.output if session in line]


def test_many_wrong_tokens_do_not_shut_out_the_right_one(game: GameServer) -> None:
    seen = {status(game, "wrong") for _ in range(60)}
    assert seen <= {401, 429}
    assert status(game, game.token) == 200


def test_duplicate_headers(game: GameServer) -> None:
    for line in (b"Host: evil.example.com", b"Content-Length: 1", b"Authorization: Bearer x", b"Mcp-Method: x"):
        raw = http.modern_post(LIST, game.token).replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n", 1)
        assert http.exchange(game.port, raw).status == 400


def test_smuggling(game: GameServer) -> None:
    """Two requests in one must not be read in a second way."""
    body = json.dumps(LIST).encode()
    for line in (b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked", b" folded: x", b"Content-Length : 4"):
        raw = http.modern_post(LIST, game.token).replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n", 1)
        assert http.exchange(game.port, raw).status in (400, 501)
    for length in (b"+10", b"-1", b"0x10", b"1e3", b"10, 10", b"99999999999999999999", b""):
        raw = http.modern_post(LIST, game.token).replace(str(len(body)).encode(), length, 1)
        assert http.exchange(game.port, raw).status in (400, 413), length


def test_port_is_not_shared(game: GameServer) -> None:
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", game.port))
