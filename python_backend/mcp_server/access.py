"""Who may talk to the HTTP server: clients with the user's token."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from importer.atomic_files import replacing
from importer.errors import ImporterError
from python_backend.mcp_server.engine import discovery_folder
from python_backend.mcp_server.http_connections import Connections


class RequireToken:
    """ASGI middleware: requests without `Authorization: Bearer <token>` get 401 and reach nothing."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._connections.is_allowed(scope["headers"]):
            headers = {"WWW-Authenticate": "Bearer", "Connection": "close"}
            refusal = JSONResponse({"error": "a bearer token is needed"}, 401, headers)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def token_file() -> Path:
    """The user's token, the same for the editor, games and this server."""
    return discovery_folder() / "token"


def load_or_make_token() -> str:
    """`EXECUTORCH_MCP_TOKEN`, or the user's token, made at the first call and readable by the user only.

    Raises TOKEN_NOT_STORED.
    """
    given = os.environ.pop("EXECUTORCH_MCP_TOKEN", "")
    if given:
        return given
    path = token_file()
    with contextlib.suppress(OSError):
        known = path.read_text(encoding="ascii", errors="replace").strip()
        if re.fullmatch(r"[0-9a-f]{64}", known):
            return known
    made = secrets.token_hex(32)
    try:
        _store(path, made)
    except OSError as error:
        cause = f"The token cannot be kept in {path}: {error.strerror or error}."
        remedy = "Make that folder writable, or give a token in the variable EXECUTORCH_MCP_TOKEN."
        raise ImporterError("TOKEN_NOT_STORED", cause, remedy) from error
    return made


def _store(path: Path, token: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replacing(path, private=True) as file:
        file.write(f"{token}\n".encode("ascii"))
