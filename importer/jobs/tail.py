"""The end of a job's output, kept in bounded memory."""

from __future__ import annotations

import re
from collections import deque

MAX_BYTES = 64 * 1024
_NOISE = re.compile(rb"^\[cpuinfo_utils\.cpp:\d+\] [^\n]*\n?", re.MULTILINE)  # of each load of ExecuTorch's library


class Tail:
    """Keeps the last MAX_BYTES of a log."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0

    def write(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        while self._size - len(self._parts[0]) >= MAX_BYTES:
            gone = len(self._parts.popleft())
            self._size -= gone
            self._dropped += gone

    def text(self) -> str:
        """The kept text; its first line says how many bytes were dropped."""
        data = b"".join(self._parts)
        dropped = self._dropped + max(0, len(data) - MAX_BYTES)
        text = _NOISE.sub(b"", data[-MAX_BYTES:]).decode(errors="replace")
        return f"[{dropped} bytes before this were dropped]\n{text}" if dropped else text
