"""HTTP and sessions as the protocol wants them, byte for byte."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.mcp import http
from tests.mcp.conftest import GameServer, wait_until

LIST = http.modern("tools/list")


def opening(version: str = "2025-11-25", **capabilities: Any) -> dict[str, Any]:
    params = {
        "protocolVersion": version,
        "capabilities": capabilities,
        "clientInfo": {"name": "wire", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


def open_session(game: GameServer, **capabilities: Any) -> str:
    return http.exchange(game.port, http.post(opening(**capabilities), game.token)).headers["mcp-session-id"]


def test_connection_is_kept(game: GameServer) -> None:
    with http.connect(game.port) as client:
        for _ in range(20):
            client.sendall(http.modern_post(LIST, game.token))
            assert http.read_reply(client).status == 200


def test_requests_in_one_packet(game: GameServer) -> None:
    messages = [http.modern("tools/call", {"name": "echo", "arguments": {"value": one}}, one) for one in range(5)]
    with http.connect(game.port) as client:
        client.sendall(b"".join(http.modern_post(message, game.token) for message in messages))
        data = b""
        while data.count(b'"structuredContent"') < 5:
            received = client.recv(65536)
            assert received
            data += received
    order = [json.loads(part.split(b"\r\n\r\n")[1])["id"] for part in data.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert order == [0, 1, 2, 3, 4]


def test_connection_close(game: GameServer) -> None:
    with http.connect(game.port) as client:
        client.sendall(http.modern_post(LIST, game.token, {"Connection": "close"}))
        reply = http.read_reply(client)
        assert (reply.status, reply.headers["connection"]) == (200, "close")


def test_continue(game: GameServer) -> None:
    head, _, body = http.modern_post(LIST, game.token, {"Expect": "100-continue"}).partition(b"\r\n\r\n")
    with http.connect(game.port) as client:
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert http.read_reply(client).status == 200


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"POST /mcp HTTP/2.0", 505),
        (b"POST /mcp", 400),
        (b"POST  /mcp HTTP/1.1", 400),
        (b"POST http://127.0.0.1/mcp HTTP/1.1", 400),
        (b"PUT /mcp HTTP/1.1", 405),
        (b"TRACE /mcp HTTP/1.1", 405),
        (b"GET /mcp HTTP/1.1", 405),
        (b"DELETE /mcp HTTP/1.1", 405),
    ],
)
def test_request_lines(game: GameServer, line: bytes, status: int) -> None:
    raw = http.modern_post(LIST, game.token).replace(b"POST /mcp HTTP/1.1", line, 1)
    assert http.exchange(game.port, raw).status == status


def test_accept(game: GameServer) -> None:
    def status(accept: str) -> int:
        return http.exchange(game.port, http.modern_post(LIST, game.token, {"Accept": accept})).status

    for accept in ("application/json", "*/*", "application/*;q=0.5, text/html", ""):
        assert status(accept) == 200
    assert status("text/html") == 406


def test_client_that_takes_only_json(game: GameServer) -> None:
    message = http.modern("tools/call", {"name": "test_tool_with_progress", "arguments": {}}, progressToken="p")
    reply = http.exchange(game.port, http.modern_post(message, game.token, {"Accept": "application/json"}))
    assert reply.headers["content-type"] == "application/json"
    reply = http.exchange(game.port, http.modern_post(message, game.token))
    assert reply.headers["content-type"] == "text/event-stream"
    assert [event.get("method", "answer") for event in reply.events] == ["notifications/progress"] * 3 + ["answer"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}',
        b'{"id": 1, "method": "ping"}',
    ]
    + [json.dumps({"jsonrpc": "2.0", "id": odd, "method": "ping"}).encode() for odd in (None, 1.5, [], {}, True)]
    + [b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', b'{"jsonrpc": "2.0", "id": 1, "method": 5}'],
)
def test_what_is_no_message(game: GameServer, body: bytes) -> None:
    reply = http.exchange(game.port, http.post(body, game.token))
    assert reply.status == 400
    assert reply.json["id"] is None
    assert reply.json["error"]["code"] in (-32700, -32600)


@pytest.mark.parametrize("identifier", [0, -5, 9007199254740991, "", 'é\n"', "x" * 500])
def test_ids_come_back_as_they_were(game: GameServer, identifier: int | str) -> None:
    reply = http.exchange(game.port, http.modern_post(http.modern("tools/list", None, identifier), game.token))
    assert reply.json["id"] == identifier
    assert type(reply.json["id"]) is type(identifier)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2024-11-05", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
    ],
)
def test_negotiation(game: GameServer, asked: str, given: str) -> None:
    reply = http.exchange(game.port, http.post(opening(asked), game.token))
    assert reply.json["result"]["protocolVersion"] == given


def test_initialize_that_is_broken(game: GameServer) -> None:
    message = opening()
    del message["params"]["capabilities"]
    reply = http.exchange(game.port, http.post(message, game.token))
    assert reply.json["error"]["code"] == -32602
    assert "mcp-session-id" not in reply.headers


def test_session_ends(game: GameServer) -> None:
    headers = {"Mcp-Session-Id": open_session(game)}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert http.exchange(game.port, http.post(ping, game.token, headers)).json["result"] == {}
    delete = http.post(b"", game.token, headers).replace(b"POST", b"DELETE", 1)
    assert http.exchange(game.port, delete).status == 204
    assert http.exchange(game.port, http.post(ping, game.token, headers)).status == 404
    assert http.exchange(game.port, delete).status == 404


def test_signals_tell_the_game(start_game: Callable[..., GameServer]) -> None:
    game = start_game("messages")
    session = {"Mcp-Session-Id": open_session(game)}
    # One that breaks its own schema, one that a read-only server refuses, one whose argument is missing.
    for tool in ("wrong", "write", "echo"):
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool}}
        assert http.exchange(game.port, http.post(call, game.token, session)).json["result"]["isError"]
    ending = http.post(b"", game.token, session).replace(b"POST", b"DELETE", 1)
    assert http.exchange(game.port, ending).status == 204
    calls = [f"TOOL ERROR {tool}" for tool in ("wrong", "write", "echo")]
    lines = ["CONNECTED wire #1", *calls, "DISCONNECTED wire #1"]
    wait_until(lambda: [line for line in game.output if line in lines] == lines, 20)
    assert game.output.count("MESSAGE wire #1 tools/call") == len(calls)
    assert game.stop() == 0


def test_one_standalone_stream(game: GameServer) -> None:
    headers = {"Mcp-Session-Id": open_session(game), "Accept": "text/event-stream"}
    get = http.post(b"", game.token, headers).replace(b"POST", b"GET", 1)
    with http.connect(game.port) as first:
        first.sendall(get)
        assert b"text/event-stream" in first.recv(1000)
        assert http.exchange(game.port, get).status == 409

    def status() -> bytes:
        with http.connect(game.port) as again:
            again.sendall(get)
            return again.recv(12)

    # The server sees a little later that the first connection is gone.
    wait_until(lambda: status() == b"HTTP/1.1 200")


def test_broken_stream_goes_on(game: GameServer) -> None:
    """A client of a session whose connection broke gets the events that it missed, and the answer."""
    headers = {"Mcp-Session-Id": open_session(game)}
    params = {"name": "slow", "arguments": {}, "_meta": {"progressToken": 7}}
    call = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params}
    with http.connect(game.port) as client:
        client.sendall(http.post(call, game.token, headers))
        data = b""
        while data.count(b"notifications/progress") < 2 or not data.endswith(b"\n\n\r\n"):
            data += client.recv(65536)
    ids = [line[4:].strip() for line in data.decode().splitlines() if line.startswith("id: ")]
    # The first id is that of the event that opens the stream; then come two steps.
    get = http.post(b"", game.token, {**headers, "Accept": "text/event-stream", "Last-Event-ID": ids[2]})
    reply = http.exchange(game.port, get.replace(b"POST", b"GET", 1))
    progress = [event["params"]["progress"] for event in reply.events if "method" in event]
    assert progress == [float(step) for step in range(3, 11)]
    assert reply.events[-1]["id"] == 9
    assert reply.events[-1]["result"]["content"][0]["text"] == "done"


def test_cancelled_in_a_session(game: GameServer) -> None:
    headers = {"Mcp-Session-Id": open_session(game)}
    call = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "hang_long", "arguments": {}}}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}}
    with http.connect(game.port) as client:
        client.sendall(http.post(call, game.token, headers))
        time.sleep(0.1)
        assert http.exchange(game.port, http.post(cancel, game.token, headers)).status == 202
        assert http.read_reply(client).events == []


def test_stop_tells_who_listens(start_game: Callable[..., GameServer]) -> None:
    game = start_game()
    listen = http.modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "sub")
    with http.connect(game.port) as client:
        client.sendall(http.modern_post(listen, game.token))
        data = b""
        while b"acknowledged" not in data:
            data += client.recv(65536)
        assert game.stop() == 0
        while received := client.recv(65536):
            data += received
    assert b'"id":"sub"' in data
    assert b'"resultType":"complete"' in data


def test_rate(start_game: Callable[..., GameServer]) -> None:
    """A client that exceeds its rate gets an error; others are served."""
    game = start_game("rate=1")
    with http.connect(game.port) as client:
        client.sendall(http.modern_post(LIST, game.token) * 30)
        data = b""
        while received := client.recv(65536):
            data += received
    assert data.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 429" in data
    assert http.exchange(game.port, http.modern_post(LIST, game.token)).status == 200


def test_not_one_byte_too_many(game: GameServer) -> None:
    """What follows a body belongs to the next request, and a bad next request does not spoil the first."""
    with http.connect(game.port) as client:
        client.sendall(http.modern_post(LIST, game.token) + b"garbage\r\n\r\n")
        assert http.read_reply(client).status == 200
        client.shutdown(socket.SHUT_WR)
