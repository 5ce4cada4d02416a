"""The MCP server without an engine passes on the tools of the editors and games that run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool

from python_backend.mcp_server import access, engine
from python_backend.mcp_server.http_connections import Connections
from tests.mcp.conftest import GameServer, game_project, start_game
from tests.python_backend.mcp.client import OUR_TOOLS, parameters, run, structured, text

__all__ = ["game_project", "start_game"]


@pytest.fixture
def running_engine(game: Path, data_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What the Python server sees of an editor: an MCP server with a token, and the file that announces it."""
    import uvicorn

    server = MCPServer("engine", log_level="ERROR")

    @server.tool()
    def run_inference(value: float) -> dict[str, float]:
        """Run a model."""
        if value < 0:
            raise ValueError("the model does not like it")
        return {"output_0": 2 * value + 3}

    app = access.RequireToken(server.streamable_http_app(), Connections("engine-token"))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, daemon=True)
    thread.start()
    while not web.started:
        time.sleep(0.02)
    port = web.servers[0].sockets[0].getsockname()[1]
    folder = data_home / "executorch-godot" / "mcp"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}-{port}.json"
    path.write_text(json.dumps(entry(game, port)), encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(data_home))
    yield path
    path.unlink(missing_ok=True)
    web.should_exit = True
    thread.join(timeout=10)


def entry(game: Path, port: int, **changed: Any) -> dict[str, Any]:
    known = {
        "format": 1,
        "url": f"http://127.0.0.1:{port}/mcp",
        "port": port,
        "token": "engine-token",
        "pid": os.getpid(),
        "project": str(game),
        "name": "x",
        "kind": "editor",
        "allow_write": False,
        "started": 1,
    }
    return {**known, **changed}


def test_a_running_editors_tools_are_offered_too(game: Path, data_home: Path, running_engine: Path) -> None:
    async def scene() -> None:
        async with Client(parameters(game, data_home)) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {*OUR_TOOLS, "editor_run_inference"}
            assert tools["editor_run_inference"].input_schema["required"] == ["value"]
            answer = await client.call_tool("editor_run_inference", {"value": 2.5})
            assert structured(answer) == {"output_0": 8.0}
            refused = await client.call_tool("editor_run_inference", {"value": -1})
            assert refused.is_error
            running_engine.write_text(running_engine.read_text().replace("engine-token", "wrong"), encoding="utf-8")
            assert {tool.name for tool in (await client.list_tools()).tools} == OUR_TOOLS
            running_engine.unlink()
            gone = await client.call_tool("editor_run_inference", {"value": 1})
            assert gone.is_error

    run(scene)


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"pid": 2**22 + 12345},
        {"project": "/somewhere/else"},
        {"project": ""},
        {"url": "http://evil.example/mcp"},
        {"url": "http://127.0.0.1@evil.example/mcp"},
        {"url": "https://127.0.0.1:1/mcp"},
        {"token": None},
        {"url": 7},
    ],
)
def test_engines_that_do_not_count(
    game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = engine.discovery_folder()
    folder.mkdir(parents=True)
    (folder / "1-1.json").write_text(json.dumps(entry(game, 1)), encoding="utf-8")
    assert [found.prefix for found in engine.find(game)] == ["editor_"]
    (folder / "1-1.json").write_text(json.dumps(entry(game, 1, **changed)), encoding="utf-8")
    assert engine.find(game) == []
    (folder / "1-1.json").write_text("{half", encoding="utf-8")
    assert engine.find(game) == []


class FakeClient:
    """A game with two pages of tools, whose answers take a moment; one tool refuses."""

    async def list_tools(self, *, cursor: str | None = None) -> ListToolsResult:
        await asyncio.sleep(0.05)
        name, more = ("first", "2") if cursor is None else ("second", None)
        return ListToolsResult(tools=[Tool(name=name, input_schema={"type": "object"})], next_cursor=more)

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        if arguments.get("refuses"):
            raise MCPError(-32602, "there is no such enemy")
        if arguments.get("ends"):
            await asyncio.sleep(0.03)
            raise OSError("connection reset")
        return CallToolResult(content=[TextContent(type="text", text=name)])


@pytest.fixture
def engines(game: Path, monkeypatch: pytest.MonkeyPatch) -> engine.Engines:
    @contextlib.asynccontextmanager
    async def connect(*_: Any) -> AsyncIterator[FakeClient]:
        yield FakeClient()

    monkeypatch.setattr(engine, "_connect", connect)
    monkeypatch.setattr(engine, "find", lambda _: [engine.Engine("http://127.0.0.1:1/mcp", "", "game", "game_")])
    return engine.Engines(game)


def test_all_pages_of_an_engines_tools(engines: engine.Engines) -> None:
    assert [tool.name for tool in asyncio.run(engines.list_tools())] == ["game_first", "game_second"]


def test_a_refusal_of_an_engine_is_not_told_to_be_its_end(engines: engine.Engines) -> None:
    refused = asyncio.run(engines.call("game_first", {"refuses": True}))
    assert refused is not None and refused.is_error
    assert text(refused) == "there is no such enemy"


def test_a_game_that_ends_while_tools_are_listed(engines: engine.Engines) -> None:
    async def scene() -> None:
        await engines.list_tools()
        call = asyncio.create_task(engines.call("game_first", {"ends": True}))
        await asyncio.sleep(0.01)
        listing = asyncio.create_task(engines.list_tools())
        answer = await call
        assert answer is not None and text(answer).startswith("ENGINE_GONE")
        await listing

    run(scene)


def test_a_real_games_tools(start_game: Callable[..., GameServer]) -> None:
    server = start_game(token="own")
    home = Path(server.project.environment["XDG_DATA_HOME"])

    async def scene() -> None:
        async with Client(parameters(server.project.path, home)) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            theirs = names - OUR_TOOLS
            assert names > OUR_TOOLS
            assert all(name.startswith("game_") for name in theirs)
            assert structured(await client.call_tool("game_echo", {"value": 7})) == {"value": 7}

    run(scene)
