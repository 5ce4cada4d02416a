"""JSON objects with a 4-byte big-endian length before each: between a job's parent and child, and editor and backend.

JSON and not pickles: what a process got from a model's code must not become code in its parent.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any

MAX_BYTES = 16 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """Bytes that are not a frame; nothing after them can be read."""


class MessageError(Exception):
    """A complete frame whose content is not a JSON object; the next frame can still be read."""


def encode(message: dict[str, Any]) -> bytes:
    """A frame; raises FrameError when the message is longer than MAX_BYTES."""
    try:
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:  # JSON has no word for NaN and infinity
        text = json.dumps(_finite(message), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    body = text.encode(errors="replace")
    if len(body) > MAX_BYTES:
        raise FrameError(f"a message of {len(body)} bytes; at most {MAX_BYTES} are allowed")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Decodes messages from bytes as they arrive. An announced length alone allocates no memory."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        self._data += data

    def next(self) -> dict[str, Any] | None:
        """The next complete message, or None until more bytes arrive. Raises FrameError and MessageError."""
        if len(self._data) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._data)
        if length > MAX_BYTES:
            raise FrameError(f"a frame of {length} bytes was announced; at most {MAX_BYTES} are allowed")
        end = _LENGTH.size + length
        if len(self._data) < end:
            return None
        body = bytes(self._data[_LENGTH.size : end])
        del self._data[:end]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise MessageError(f"not JSON: {error}") from error
        if not isinstance(message, dict):
            raise MessageError(f"expected a JSON object, got {type(message).__name__}")
        return message

    def end(self) -> None:
        """The stream has ended; raises FrameError when that was within a frame."""
        if self._data:
            raise FrameError(f"the stream ended within a frame, after {len(self._data)} bytes of it")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
