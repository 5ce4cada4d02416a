"""The editor's side of the RPC, as a test plays it: a real TCP server and a real backend process."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


class Editor:
    """Starts a backend and talks with it."""

    def __init__(
        self,
        *arguments: str,
        python: list[str] | None = None,
        environment: dict[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.secret = secrets.token_hex(16)
        server = socket.create_server(("127.0.0.1", 0))
        server.settimeout(90)
        variables = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EXECUTORCH_RPC_PORT": str(server.getsockname()[1]),
            "EXECUTORCH_RPC_SECRET": self.secret,
            **(environment or {}),
        }
        command = [*(python or [sys.executable]), "-m", "python_backend", "serve", *arguments]
        self.process = subprocess.Popen(command, env=variables, cwd=cwd, stderr=subprocess.PIPE)
        try:
            self.stream, _ = server.accept()
        except TimeoutError:
            self.process.kill()
            raise AssertionError(f"no connection: {self.process.communicate()[1]!r}") from None
        server.close()
        self.stream.settimeout(None)
        self.notifications: queue.Queue[dict[str, Any]] = queue.Queue()
        self.answers: dict[Any, queue.Queue[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._next_id = 0
        self.ended = threading.Event()
        self.printed = ""
        threading.Thread(target=self._read, daemon=True).start()
        self.hello = self.notification("hello")

    def send(self, message: dict[str, Any]) -> None:
        self.send_bytes(json.dumps(message).encode())

    def send_bytes(self, body: bytes) -> None:
        self.stream.sendall(struct.pack(">I", len(body)) + body)

    def ask(self, method: str, **params: Any) -> int:
        """Send a request; its id."""
        with self._lock:
            self._next_id += 1
            request_id = self._next_id
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return request_id

    def answer(self, request_id: Any, seconds: float = 240.0) -> dict[str, Any]:
        return self._answers(request_id).get(timeout=seconds)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result; raises AssertionError with the error."""
        answer = self.answer(self.ask(method, **params))
        assert "error" not in answer, answer["error"]
        return dict(answer["result"])

    def failure(self, method: str, **params: Any) -> dict[str, Any]:
        """The error."""
        answer = self.answer(self.ask(method, **params))
        assert "error" in answer, answer
        return dict(answer["error"])

    def notification(self, method: str, seconds: float = 240.0) -> dict[str, Any]:
        """The params of the next notification of this kind; others are dropped."""
        while True:
            message = self.notifications.get(timeout=seconds)
            if message["method"] == method:
                return dict(message["params"])

    def close(self) -> int:
        """Close the socket; the backend's exit status."""
        with contextlib.suppress(OSError):
            self.stream.shutdown(socket.SHUT_RDWR)
        self.stream.close()
        try:
            return self.process.wait(timeout=90)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stderr is not None
            if not self.process.stderr.closed:
                self.printed = self.process.stderr.read().decode()
                self.process.stderr.close()

    def _answers(self, request_id: Any) -> queue.Queue[dict[str, Any]]:
        with self._lock:
            return self.answers.setdefault(request_id, queue.Queue())

    def _read(self) -> None:
        while message := self._read_message():
            if "id" in message:
                self._answers(message["id"]).put(message)
            else:
                self.notifications.put(message)
        self.ended.set()

    def _read_message(self) -> dict[str, Any] | None:
        with contextlib.suppress(OSError):
            head = self._exactly(4)
            if head:
                return dict(json.loads(self._exactly(struct.unpack(">I", head)[0])))
        return None

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.stream.recv(count - len(data))
            if not part:
                return b""
            data += part
        return data
