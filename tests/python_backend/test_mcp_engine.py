"""The Python server passes on the tools of a real running game (Godot, the engine's own MCP server)."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.mcp.conftest import GameServer, game_project, start_game
from tests.python_backend.editor import ROOT
from tests.python_backend.test_mcp import OUR_TOOLS, structured

__all__ = ["game_project", "start_game"]


def test_a_real_games_tools(start_game: Callable[..., GameServer]) -> None:
    server = start_game(token="own")
    home = server.project.environment["XDG_DATA_HOME"]
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "python_backend", "mcp", "--project", str(server.project.path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": home},
    )

    async def scene() -> None:
        async with Client(parameters) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            theirs = names - OUR_TOOLS
            assert names > OUR_TOOLS
            assert all(name.startswith("game_") for name in theirs)
            assert structured(await client.call_tool("game_echo", {"value": 7})) == {"value": 7}

    asyncio.run(asyncio.wait_for(scene(), 300))
