"""Frames on a stream socket: a 4-byte big-endian length and a UTF-8 JSON object."""

from __future__ import annotations

import json
import math
import socket
import struct
from typing import Any

MAX_FRAME = 16 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """Bytes that are no frame; the stream cannot be followed any further."""


class MessageError(Exception):
    """A whole frame that holds no JSON object; the next frame can still be read."""


def encode(message: dict[str, Any]) -> bytes:
    """A frame; raises FrameError when the message is longer than MAX_FRAME."""
    try:
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:  # JSON has no word for NaN and infinity
        text = json.dumps(_finite(message), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    body = text.encode(errors="replace")
    if len(body) > MAX_FRAME:
        raise FrameError(f"a message of {len(body)} bytes; at most {MAX_FRAME} are allowed")
    return _LENGTH.pack(len(body)) + body


def read(stream: socket.socket) -> dict[str, Any] | None:
    """The next message, or None when the peer has closed the stream between two frames."""
    head = _read_exactly(stream, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes was announced; at most {MAX_FRAME} are allowed")
    body = _read_exactly(stream, length)
    if body is None:
        raise FrameError(f"the stream ended within a frame of {length} bytes")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise MessageError(f"expected a JSON object, got {type(message).__name__}")
    return message


def _read_exactly(stream: socket.socket, count: int) -> bytes | None:
    """`count` bytes, or None at the end of the stream before the first of them."""
    # Grown as bytes arrive: an announced length alone must not cost memory.
    data = bytearray()
    while len(data) < count:
        try:
            part = stream.recv(min(count - len(data), 1 << 16))
        except ConnectionError:
            part = b""
        if not part:
            if data:
                raise FrameError(f"the stream ended after {len(data)} of {count} bytes")
            return b"" if count == 0 else None
        data += part
    return bytes(data)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
