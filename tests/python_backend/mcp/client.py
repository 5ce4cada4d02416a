"""The Python MCP server of a project, as the official client sees it over stdio and HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from tests.python_backend.editor import ROOT

OUR_TOOLS = {
    "list_project_models",
    "inspect_model",
    "convert_model",
    "validate_model",
    "compare_models",
    "sweep_recipes",
    "profile_model",
    "doctor",
}


def parameters(game: Path, data_home: Path, *more: str) -> StdioServerParameters:
    arguments = ["-m", "python_backend", "mcp", "--project", str(game), *more]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(data_home)}
    return StdioServerParameters(command=sys.executable, args=arguments, env=variables, cwd=str(game))


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 500))


def text(result: CallToolResult) -> str:
    return "".join(getattr(part, "text", "") for part in result.content)


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


class HttpServer:
    """A server over HTTP and its token."""

    def __init__(self, game: Path, data_home: Path, *more: str) -> None:
        command = [sys.executable, "-m", "python_backend", "mcp", "--project", str(game), "--http", "0", *more]
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(data_home)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("http://127.0.0.1:"), line + self.process.stderr.read()
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.url = line.split()[0]
        self.token = (data_home / "executorch-godot" / "mcp" / "token").read_text(encoding="ascii").strip()

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=400) as http,
            Client(streamable_http_client(self.url, http_client=http)) as client,
        ):
            yield client

    def post(self, body: bytes, **headers: str) -> httpx2.Response:
        sent = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return httpx2.post(self.url, content=body, headers=sent, timeout=90)
