"""A web server that breaks, lies, stalls and redirects: `server.py FILE PORT_FILE PARENT_PID`. Standard library."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DATA = Path(sys.argv[1]).read_bytes()
requests: dict[str, int] = {}


class Handler(BaseHTTPRequestHandler):
    """The first part of a path chooses what happens."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer as the path says."""
        way = self.path.split("/")[1].split("?")[0]
        requests[self.path] = requests.get(self.path, 0) + 1
        getattr(self, f"answer_{way}", self.answer_missing)()

    def answer_whole(self) -> None:
        self.give(200, DATA, {})

    def answer_ranges(self) -> None:
        """As a server should."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(found[1]) if found else 0
        if begin >= len(DATA):
            self.give(416, b"", {})
        elif found:
            self.give(206, DATA[begin:], {"Content-Range": f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}"})
        else:
            self.give(200, DATA, {})

    def answer_breaks(self) -> None:
        """Half of what is left, then nothing more."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(found[1]) if found else 0
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(len(DATA) - begin))
        self.send_header("Content-Range", f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}")
        self.end_headers()
        left = DATA[begin:]
        self.wfile.write(left if len(left) < 40_000 else left[: len(left) // 2])
        self.close_connection = True

    def answer_lies(self) -> None:
        """Other bytes of the same length."""
        self.give(200, bytes(len(DATA)), {})

    def answer_lies_about_the_part(self) -> None:
        """The whole file, as if it were a part that begins elsewhere."""
        self.give(
            206 if "Range" in self.headers else 200, DATA, {"Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}"}
        )

    def answer_endless(self) -> None:
        """No length, and no end."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(bytes(65536))

    def answer_chunks(self) -> None:
        """In chunks, without a length. `breaks` in the path: the first answer ends in the middle."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(found[1]) if found else 0
        self.send_response(206 if found else 200)
        self.send_header("Transfer-Encoding", "chunked")
        if found:
            self.send_header("Content-Range", f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}")
        self.end_headers()
        end = len(DATA) // 2 if "breaks" in self.path and not found else len(DATA)
        for place in range(begin, end, 65536):
            part = DATA[place : min(end, place + 65536)]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if end == len(DATA):
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def answer_stalls(self) -> None:
        """A head and ten bytes, then silence."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[:10])
        time.sleep(30)

    def answer_slow(self) -> None:
        """The whole file in a second or two."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        for begin in range(0, len(DATA), len(DATA) // 20):
            self.wfile.write(DATA[begin : begin + len(DATA) // 20])
            time.sleep(0.08)

    def answer_moved(self) -> None:
        if "whole" in self.path:
            self.answer_whole()
            return
        self.give(302, b"", {"Location": "/needs_token/file"})

    def answer_moved_beside(self) -> None:
        """Relative to the path that was asked for."""
        self.give(302, b"", {"Location": "../moved/./whole?a=b" if "deep" in self.path else "whole"})

    def answer_moved_away(self) -> None:
        """To the same server by another name: another host."""
        port = self.server.server_address[1]
        self.give(307, b"", {"Location": f"http://localhost:{port}/refuses_token/file"})

    def answer_moved_outside(self) -> None:
        self.give(301, b"", {"Location": "http://example.com/file"})

    def answer_circle(self) -> None:
        self.give(302, b"", {"Location": "/circle/file"})

    def answer_needs_token(self) -> None:
        self.give(200 if self.headers.get("Authorization") == "Bearer abc" else 401, DATA, {})

    def answer_refuses_token(self) -> None:
        self.give(400 if "Authorization" in self.headers else 200, DATA, {})

    def answer_busy(self) -> None:
        """Busy twice, then as a server should."""
        if requests[self.path] < 3:
            self.give(503, b"busy", {})
        else:
            self.answer_ranges()

    def answer_count(self) -> None:
        """How often the path in the query was asked for."""
        self.give(200, str(requests.get(self.path.partition("?")[2], 0)).encode(), {})

    def answer_missing(self) -> None:
        self.give(404, b"not here", {})

    def give(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def end_with(parent: int) -> None:
    """End this process when that one is gone."""
    while Path(f"/proc/{parent}").exists():
        time.sleep(0.2)
    os._exit(0)


if __name__ == "__main__":
    # The game's output ends with the game: who reads it must not wait for this process.
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    threading.Thread(target=end_with, args=[int(sys.argv[3])], daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    unfinished = Path(sys.argv[2] + ".tmp")
    unfinished.write_text(str(server.server_address[1]), encoding="utf-8")
    unfinished.rename(sys.argv[2])
    server.serve_forever()
