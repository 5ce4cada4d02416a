"""Connections of the HTTP server: those without the token are few, short, and the first to go.

A slot for a client with the token is therefore always free, whatever other processes of the machine open.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_UNPROVEN = 16
HEAD_SECONDS = 5.0
_GRACE_SECONDS = 0.25
"""A client with the token needs a moment between its connection and its head; until then it is not counted."""
_MAX_NEW = 512
MAX_CONNECTIONS = 512
"""Of clients with the token. The server answers 503 beyond that."""


class Connections:
    """Makes the protocol of each connection; what they share is which of them have not shown the token yet."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()
        self._unproven: dict[_Connection, None] = {}  # in the order of their coming

    def is_allowed(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether a request has exactly the token, compared in constant time."""
        given = [value for name, value in headers if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)

    def protocol(self, *arguments: Any, **named: Any) -> H11Protocol:
        """The protocol of a connection, for uvicorn."""
        return _Connection(self, *arguments, **named)

    def add(self, connection: _Connection) -> None:
        self._unproven[connection] = None
        if len(self._unproven) > _MAX_NEW:
            next(iter(self._unproven)).end()

    def trim(self) -> None:
        """End the oldest until few are left; those that came just now are let be."""
        for connection in list(self._unproven)[:-MAX_UNPROVEN]:
            if connection.is_new():
                return
            connection.end()

    def remove(self, connection: _Connection) -> None:
        self._unproven.pop(connection, None)


class _Connection(H11Protocol):
    def __init__(self, connections: Connections, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._connections = connections
        self._made = self.loop.time()
        self._head_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_deadline = self.loop.call_later(HEAD_SECONDS, self.end)
        self.loop.call_later(_GRACE_SECONDS + 0.01, self._connections.trim)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # uvicorn answers a broken HEAD with a body, which h11 does not send
            self.end()
            return
        if self._head_deadline is not None and self.headers and self._connections.is_allowed(self.headers):
            self._head_deadline.cancel()
            self._head_deadline = None
            self._connections.remove(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
        self._connections.remove(self)
        super().connection_lost(exc)

    def is_new(self) -> bool:
        return self.loop.time() - self._made < _GRACE_SECONDS

    def end(self) -> None:
        """Without an answer: a stranger that does not read would keep it open."""
        self._connections.remove(self)
        self.transport.abort()
