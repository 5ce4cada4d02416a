"""Who may talk to the HTTP server: a token, compared in constant time."""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from python_backend.errors import BackendError
from python_backend.mcp_server.engine import discovery_folder


class RequireToken:
    """ASGI middleware: requests without `Authorization: Bearer <token>` get 401 and reach nothing."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_allowed(scope):
            refusal = JSONResponse({"error": "a bearer token is needed"}, 401, {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)


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
        raise BackendError("TOKEN_NOT_STORED", cause, remedy) from error
    return made


def _store(path: Path, token: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"token.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    temporary.replace(path)
