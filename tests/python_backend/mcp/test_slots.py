"""Connections without the token never keep out a client that has it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from python_backend.mcp_server.http_connections import HEAD_SECONDS, MAX_UNPROVEN
from tests.python_backend.mcp.client import HttpServer
from tests.python_backend.mcp.test_access import INITIALIZE

SILENT = b""
HALF_A_HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
WRONG_TOKEN = HALF_A_HEAD + b"Authorization: Bearer wrong\r\nContent-Length: 1000000\r\n\r\nx"


@contextlib.contextmanager
def strangers(server: HttpServer, count: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Connections of a process of this machine that has no token; each says something, or nothing, and waits."""
    address = urlsplit(server.url)
    with contextlib.ExitStack() as closing:
        opened = []
        for _ in range(count):
            connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=10)
            closing.enter_context(connection)
            with contextlib.suppress(OSError):  # the server may have closed it
                connection.sendall(said)
            opened.append(connection)
        yield opened


def still_open(connections: list[socket.socket]) -> list[socket.socket]:
    """Those that the server has not closed."""
    found = []
    for connection in connections:
        if not select.select([connection], [], [], 0)[0]:
            found.append(connection)
            continue
        with contextlib.suppress(OSError):
            while data := connection.recv(1 << 16, socket.MSG_DONTWAIT):
                assert data.startswith(b"HTTP/1.1 4") or b"bearer token" in data
    return found


@pytest.mark.parametrize("said", [SILENT, HALF_A_HEAD, WRONG_TOKEN], ids=["silent", "half a head", "wrong token"])
@pytest.mark.parametrize("count", [64, 130, 500])
def test_a_client_with_the_token_is_answered(count: int, said: bytes, http_server: HttpServer) -> None:
    assert http_server.post(INITIALIZE).status_code == 200
    with strangers(http_server, count, said) as opened:
        began = time.monotonic()
        answer = http_server.post(INITIALIZE)
        print(f"{count} strangers: the client with the token was answered after {time.monotonic() - began:.3f} s")
        assert answer.status_code == 200, answer.text
        deadline = time.monotonic() + 60
        while len(still_open(opened)) > MAX_UNPROVEN:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_strangers_go_after_some_seconds(http_server: HttpServer) -> None:
    with strangers(http_server, 3, SILENT) as silent, strangers(http_server, 3, HALF_A_HEAD) as slow:
        assert len(still_open(silent)) == 3 and len(still_open(slow)) == 3
        deadline = time.monotonic() + 12 * HEAD_SECONDS
        while still_open(silent) or still_open(slow):
            assert time.monotonic() < deadline
            for connection in still_open(slow):  # a word now and then keeps nothing open
                with contextlib.suppress(OSError):
                    connection.sendall(b"A: b\r\n")
            time.sleep(0.2)
    assert http_server.post(INITIALIZE).status_code == 200


def test_a_client_keeps_its_connection_among_strangers(http_server: HttpServer) -> None:
    """What was proved once is not closed for what comes later."""
    import httpx2

    sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    with httpx2.Client(headers={**sent, "Authorization": f"Bearer {http_server.token}"}, timeout=30) as client:
        assert client.post(http_server.url, content=INITIALIZE).status_code == 200
        with strangers(http_server, 200, SILENT):
            assert client.post(http_server.url, content=INITIALIZE).status_code == 200


def test_a_refused_connection_is_closed(http_server: HttpServer) -> None:
    with strangers(http_server, 1, HALF_A_HEAD + b"Content-Length: 0\r\n\r\n") as (connection,):
        connection.settimeout(10)
        received = b""
        while data := connection.recv(1 << 16):
            received += data
        assert received.startswith(b"HTTP/1.1 401") and b"connection: close" in received.lower()
