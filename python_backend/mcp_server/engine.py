"""The servers of running editors and games of the same project, whose tools this server passes on.

Each of them writes a file that only the user can read, with its address and token, into the user's data folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, TextContent, Tool

FORMAT = 1
LIST_SECONDS = 10.0
CALL_SECONDS = 600.0


@dataclass(frozen=True)
class Engine:
    """A running editor or game. `prefix` stands before the names of its tools."""

    url: str
    token: str
    kind: str
    prefix: str


class Engines:
    """The engines of one project. They are searched at every request, because they start and end."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._tools: dict[str, tuple[Engine, str]] = {}

    async def list_tools(self) -> list[Tool]:
        """The tools of all that answer within LIST_SECONDS, named `editor_...`, `game_...`, `game_2_...`."""
        found: list[Tool] = []
        table: dict[str, tuple[Engine, str]] = {}
        for engine in find(self._project):
            with contextlib.suppress(Exception):  # one that does not answer has no tools to offer
                for tool in await _tools_of(engine):
                    name = engine.prefix + tool.name
                    table[name] = (engine, tool.name)
                    about = f"In the running {engine.kind}: {tool.description or tool.name}"
                    found.append(tool.model_copy(update={"name": name, "description": about}))
        self._tools = table  # at once: calls continue meanwhile
        return found

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult | None:
        """The engine's answer, or None when no running engine has this tool."""
        if not name.startswith(("editor_", "game_")):
            return None
        if name not in self._tools:
            await self.list_tools()
        if name not in self._tools:
            return None
        engine, own_name = self._tools[name]
        try:
            async with _connect(engine, CALL_SECONDS) as client:
                try:
                    return await client.call_tool(own_name, arguments)
                except MCPError as refusal:
                    if refusal.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):  # the client's own words
                        raise
                    return CallToolResult(content=[TextContent(type="text", text=refusal.message)], is_error=True)
        except Exception as error:
            while isinstance(inner := getattr(error, "exceptions", None), tuple) and inner:
                error = inner[0]
            self._tools.pop(name, None)
            text = f"ENGINE_GONE: the {engine.kind} at {engine.url} does not answer: {error}\nStart it and try again."
            return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


async def _tools_of(engine: Engine) -> list[Tool]:
    with anyio.fail_after(LIST_SECONDS):
        async with _connect(engine, LIST_SECONDS) as client:
            page = await client.list_tools()
            tools = page.tools
            while page.next_cursor is not None:
                page = await client.list_tools(cursor=page.next_cursor)
                tools += page.tools
    return tools


def find(project: Path) -> list[Engine]:
    """The engines whose files are whole, whose processes live, and which have this project open."""
    counts: dict[str, int] = {}
    found = []
    for path in sorted(discovery_folder().glob("*.json")):
        entry = _read(path)
        if entry is None or not _is_same(entry.get("project"), project):
            continue
        kind = "editor" if entry.get("kind") == "editor" else "game"
        counts[kind] = counts.get(kind, 0) + 1
        prefix = f"{kind}_" if counts[kind] == 1 else f"{kind}_{counts[kind]}_"
        found.append(Engine(entry["url"], entry["token"], kind, prefix))
    return found


def discovery_folder() -> Path:
    """The folder in which engines announce themselves; also that of the token."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData/Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return base / "executorch-godot" / "mcp"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(entry, dict) or entry.get("format") != FORMAT:
        return None
    url, token, pid = entry.get("url"), entry.get("token"), entry.get("pid")
    if not isinstance(url, str) or not isinstance(token, str) or not isinstance(pid, (int, float)):
        return None
    # The token goes to this machine only, whatever the file says.
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != "127.0.0.1" or not _lives(int(pid)):
        return None
    return entry


def _is_same(text: Any, project: Path) -> bool:
    if not isinstance(text, str) or not text:
        return False
    try:
        return Path(text).resolve() == project
    except OSError:
        return False


def _lives(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))


@contextlib.asynccontextmanager
async def _connect(engine: Engine, seconds: float) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {engine.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(seconds), trust_env=False) as http,
        Client(streamable_http_client(engine.url, http_client=http)) as client,
    ):
        yield client
