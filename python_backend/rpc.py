"""JSON-RPC 2.0 over a framed stream: requests in, answers and notifications out, none of them waiting for another."""

from __future__ import annotations

import contextlib
import queue
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from importer.errors import ImporterError, from_exception
from importer.jobs import messages

APPLICATION_ERROR = -32000
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
PARSE_ERROR = -32700

_MAX_UNSENT = 10_000
_PROTOCOL_CODES = {
    "INVALID_REQUEST": INVALID_REQUEST,
    "METHOD_NOT_FOUND": METHOD_NOT_FOUND,
    "INVALID_PARAMS": INVALID_PARAMS,
    "INVALID_JSON": PARSE_ERROR,
}
_REPORT = "This is a fault of the program that sent it; please report it."

Respond = Callable[[Any, "ImporterError | None"], None]


class Later:
    """A handler returns this when `respond` sends its answer later."""


class Request:
    """One request; `respond` may be called from any thread, once."""

    def __init__(self, request_id: int | str, method: str, params: dict[str, Any], respond: Respond) -> None:
        self.id = request_id
        self.method = method
        self.params = params
        self.respond = respond

    def text(self, name: str, default: str | None = None) -> str:
        """The text parameter `name`; raises INVALID_PARAMS."""
        value = self.params.get(name, default)
        if not isinstance(value, str):
            raise _invalid_params(f"`{self.method}` needs the text `{name}`, got {type(value).__name__}.")
        return value

    def dictionary(self, name: str) -> dict[str, Any]:
        value = self.params.get(name, {})
        if not isinstance(value, dict):
            raise _invalid_params(f"`{self.method}` needs an object `{name}`, got {type(value).__name__}.")
        return value

    def flag(self, name: str) -> bool:
        value = self.params.get(name, False)
        if not isinstance(value, bool):
            raise _invalid_params(f"`{self.method}` needs true or false for `{name}`, got {type(value).__name__}.")
        return value

    def whole(self, name: str) -> int:
        """The whole number `name` of at least 0; 0 when it is not there."""
        value = self.params.get(name, 0)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _invalid_params(f"`{self.method}` needs a whole number of at least 0 for `{name}`, got {value!r}.")
        return value

    def texts(self, name: str) -> list[str]:
        """The list of texts `name`; empty when it is not there."""
        value = self.params.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _invalid_params(f"`{self.method}` needs a list of texts `{name}`.")
        return value

    def identity(self, name: str) -> int | str:
        value = _request_id(self.params.get(name))
        if value is None:
            raise _invalid_params(f"`{self.method}` needs a number or a text `{name}`.")
        return value


Handler = Callable[[Request], "dict[str, Any] | Later"]


class Peer:
    """One connection. `run` reads until it ends and calls the handlers in the order of their requests."""

    def __init__(self, stream: socket.socket, handlers: dict[str, Handler]) -> None:
        self._stream = stream
        self._handlers = handlers
        self._unsent: queue.Queue[bytes | None] = queue.Queue()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def notify(self, method: str, params: dict[str, Any], *, can_be_lost: bool = False) -> None:
        """Send a notification; one that can be lost is dropped when the other side does not read."""
        if not (can_be_lost and self._unsent.qsize() > _MAX_UNSENT):
            self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def run(self) -> None:
        """Serve requests until the stream ends."""
        decoder = messages.Decoder()
        while True:
            try:
                message = receive(self._stream, decoder)
            except messages.MessageError as error:
                self._answer(None, None, ImporterError("INVALID_JSON", str(error), _REPORT))
                continue
            except messages.FrameError as error:
                self._answer(None, None, ImporterError("INVALID_FRAME", str(error), _REPORT))
                return
            except OSError:
                return
            if message is None:
                return
            self._dispatch(message)

    def end(self) -> None:
        """Send what is waiting, then end the stream, so that `run` returns."""
        self._unsent.put(None)

    def close(self) -> None:
        """Send what is waiting and close the stream."""
        self._unsent.put(None)
        self._writer.join(timeout=2.0)
        with contextlib.suppress(OSError):
            self._stream.close()

    def _dispatch(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        request_id = _request_id(message.get("id"))
        if not isinstance(method, str) or not isinstance(params, dict) or ("id" in message and request_id is None):
            cause = "A request needs a `method`, `params` that are an object, and an `id` that is a number or a text."
            self._answer(request_id, None, ImporterError("INVALID_REQUEST", cause, _REPORT))
            return
        if request_id is None:
            return  # the editor sends no notifications that concern the backend
        handler = self._handlers.get(method)
        if handler is None:
            cause = f"There is no method `{method}`; there are {', '.join(sorted(self._handlers))}."
            self._answer(request_id, None, ImporterError("METHOD_NOT_FOUND", cause, "Update the complete addon."))
            return

        def respond(result: Any, error: ImporterError | None) -> None:
            self._answer(request_id, result, error)

        _handle(handler, Request(request_id, method, params, respond))

    def _answer(self, request_id: int | str | None, result: Any, error: ImporterError | None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id}
        if error is None:
            message["result"] = result
        else:
            number = _PROTOCOL_CODES.get(error.code, APPLICATION_ERROR)
            message["error"] = {"code": number, "message": error.cause, "data": error.data()}
        self._send(message)

    def _send(self, message: dict[str, Any]) -> None:
        try:
            frame = messages.encode(message)
        except messages.FrameError as error:
            if "error" in message or "id" not in message:
                return
            failure = ImporterError("RESULT_TOO_LARGE", f"The answer is {error}.", "Please report it.")
            self._answer(message["id"], None, failure)
            return
        self._unsent.put(frame)

    def _write(self) -> None:
        while True:
            frame = self._unsent.get()
            try:
                if frame is not None:
                    self._stream.sendall(frame)
                    continue
            except OSError as error:
                print(f"The editor's connection is gone: {error}", file=sys.stderr)
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
            return


def in_background(handler: Handler) -> Callable[[Request], Later]:
    """The handler in a thread of its own, for answers that take longer than a moment."""

    def start(request: Request) -> Later:
        threading.Thread(target=_handle, args=(handler, request), daemon=True).start()
        return Later()

    return start


def _handle(handler: Handler, request: Request) -> None:
    try:
        result = handler(request)
    except Exception as error:
        request.respond(None, from_exception(error))
        return
    if not isinstance(result, Later):
        request.respond(result, None)


def receive(stream: socket.socket, decoder: messages.Decoder) -> dict[str, Any] | None:
    """The next message, or None when the peer has closed the stream between two frames."""
    while (message := decoder.next()) is None:
        try:
            data = stream.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            decoder.end()
            return None
        decoder.feed(data)
    return message


def _request_id(value: Any) -> int | str | None:
    # Godot writes whole numbers as 1.0.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) else None


def _invalid_params(cause: str) -> ImporterError:
    return ImporterError("INVALID_PARAMS", cause, _REPORT)
