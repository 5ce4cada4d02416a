"""The least HTTP that tests of an HTTP server need: bytes as they go over the wire."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"


@dataclass(frozen=True)
class Reply:
    """A whole HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; of an event stream, the last message."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            return self.events[-1]
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The messages of an event stream."""
        lines = self.body.decode().splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ") and line != "data: "]


def connect(port: int, timeout: float = 60) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout)


def exchange(port: int, raw: bytes, timeout: float = 60) -> Reply:
    """Send bytes on a connection of their own and read one response (status 0 = closed without one)."""
    with connect(port, timeout) as client:
        client.sendall(raw)
        return read_reply(client)


def read_reply(client: socket.socket) -> Reply:
    """Read one response; chunked bodies are joined."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = client.recv(65536)
        if not received:
            return Reply(0, {}, data)
        data += received
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        rest = _read_chunks(client, rest)
    else:
        while len(rest) < int(headers.get("content-length", "0")):
            received = client.recv(65536)
            if not received:
                break
            rest += received
    return Reply(int(lines[0].split()[1]), headers, rest)


def post(message: object, token: str = "", headers: dict[str, str] | None = None, path: str = "/mcp") -> bytes:
    """The bytes of a POST. A header given as "" is left out."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    fields = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Content-Length": str(len(body)),
    }
    if token:
        fields["Authorization"] = f"Bearer {token}"
    fields.update(headers or {})
    lines = [f"POST {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields.items() if value]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def modern(method: str, params: dict[str, Any] | None = None, identifier: int | str = 1, **meta: Any) -> dict[str, Any]:
    """A request of revision 2026-07-28."""
    about = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}, **meta}
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": {**(params or {}), "_meta": about}}


def modern_post(message: dict[str, Any], token: str = "", headers: dict[str, str] | None = None) -> bytes:
    """The bytes of a request of revision 2026-07-28, with the headers that it needs."""
    fields = {"MCP-Protocol-Version": MODERN, "Mcp-Method": message["method"]}
    name = message["params"].get("name", message["params"].get("uri"))
    if name is not None:
        fields["Mcp-Name"] = name
    return post(message, token, {**fields, **(headers or {})})


def call_tool(port: int, token: str, tool: str, arguments: dict[str, Any] | None = None, timeout: float = 60) -> Reply:
    """Call a tool once, on a connection of its own."""
    message = modern("tools/call", {"name": tool, "arguments": arguments or {}})
    return exchange(port, modern_post(message, token), timeout)


def _read_chunks(client: socket.socket, data: bytes) -> bytes:
    body = b""
    while True:
        while b"\r\n" not in data:
            received = client.recv(65536)
            if not received:
                return body
            data += received
        size_text, _, data = data.partition(b"\r\n")
        size = int(size_text, 16)
        while len(data) < size + 2:
            received = client.recv(65536)
            if not received:
                return body + data
            data += received
        body += data[:size]
        data = data[size + 2 :]
        if size == 0:
            return body
