"""10,000 requests of 32 clients at once. Times are printed, not asserted; that all answers are right is asserted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.mcp import http
from tests.mcp.conftest import GameServer

CLIENTS = 32
REQUESTS = 10_000
QUIET_SECONDS = 1.0


@dataclass(frozen=True)
class Storm:
    """How one storm went; times in seconds, sorted."""

    seconds: float
    times: list[float]

    def __str__(self) -> str:
        count = len(self.times)
        p50, p99 = self.times[count // 2] * 1000, self.times[count * 99 // 100] * 1000
        return f"{count / self.seconds:.0f} requests/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def test_load(start_game: Callable[..., GameServer], capsys: pytest.CaptureFixture[str]) -> None:
    """The frames of an idle game, of one beside which the same clients call something else, and of the one called."""
    game = start_game()
    asyncio.run(storm_of(game.port, game.token, "echo", REQUESTS // 10))
    memory = game.memory_bytes()
    for tool in ("echo", "echo_threaded"):
        frames(game)
        time.sleep(QUIET_SECONDS)
        idle = frames(game)
        asyncio.run(storm_elsewhere(game, tool, REQUESTS))
        beside = frames(game)
        storm = asyncio.run(storm_of(game.port, game.token, tool, REQUESTS))
        called = frames(game)
        assert len(storm.times) == REQUESTS
        with capsys.disabled():
            print(f"\n{tool}: {REQUESTS} requests of {CLIENTS} clients: {storm}")
            for name, report in (("idle", idle), ("clients call something else", beside), ("called", called)):
                print(f"  {name}: {summary(report)}")
    assert game.memory_bytes() - memory < 32 * 1024 * 1024
    assert not game.errors()
    assert game.stop() == 0


def frames(game: GameServer) -> dict[str, Any]:
    """Frame times since the last call."""
    report: dict[str, Any] = http.call_tool(game.port, game.token, "frames").json["result"]["structuredContent"]
    return report


def summary(report: dict[str, Any]) -> str:
    interval = "/".join(f"{report[name + '_msec']:.2f}" for name in ("median", "p99", "worst"))
    share = "/".join(f"{report['cost_' + name + '_usec']:.0f}" for name in ("median", "p99", "worst"))
    count, waited = report["count"], report["waited"]
    return (
        f"frame interval p50/p99/worst {interval} ms, our share {share} us; {waited:.0f} of {count:.0f} frames waited"
    )


async def storm_of(port: int, token: str, tool: str, requests: int) -> Storm:
    """All clients at once, each on one connection; every answer is checked."""
    times: list[float] = []

    async def one(client: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for index in range(client, requests, CLIENTS):
            message = http.modern("tools/call", {"name": tool, "arguments": {"value": index}}, index)
            began = time.perf_counter()
            writer.write(http.modern_post(message, token))
            answer = await read_message(reader)
            times.append(time.perf_counter() - began)
            assert answer["id"] == index
            assert answer["result"]["structuredContent"] == {"value": index}
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(client) for client in range(CLIENTS)))
    return Storm(time.perf_counter() - began, sorted(times))


async def storm_elsewhere(game: GameServer, tool: str, requests: int) -> Storm:
    """The same clients call a server in their own process: what they take of the machine, without ours."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                message = await read_message(reader)
                content = {"structuredContent": message["params"]["arguments"]}
                body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": content}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        return await storm_of(server.sockets[0].getsockname()[1], game.token, tool, REQUESTS)


async def read_message(reader: asyncio.StreamReader) -> Any:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return json.loads(await reader.readexactly(length))
