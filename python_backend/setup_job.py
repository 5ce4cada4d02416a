"""The set-up of an environment as a request of the editor: progress, cancel, and its end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from importer.errors import ImporterError

if sys.platform != "win32":
    from importer import posix

_PROGRESS_SECONDS = 0.05


class SetupJob:
    """Runs environment_setup.py once, in a process group of its own that ends with us."""

    def __init__(self, folder: str, requirements: str, wheels: str) -> None:
        script = str(Path(__file__).with_name("environment_setup.py"))
        self._command = [sys.executable, script, "--json", "--end-with-stdin", "--folder", folder]
        if requirements:
            self._command += ["--requirements", requirements]
        if wheels:
            self._command += ["--wheels", wheels]
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = False

    def run(self, report: Callable[[str, float, float, str], None]) -> dict[str, Any]:
        """`{executable}`; raises ImporterError. report(stage, fraction, elapsed_seconds, message)."""
        started, last, stage = time.monotonic(), 0.0, "venv"
        if self._cancelled:
            raise _cancelled(stage)
        self._process = process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None
        words: list[str] = []
        try:
            for line in process.stdout:
                try:
                    message = json.loads(line)
                except ValueError:
                    words = [*words[-50:], line]
                    continue
                if "result" in message:
                    return dict(message["result"])
                if "error" in message:
                    raise ImporterError(**message["error"])
                now = time.monotonic()
                if message["stage"] != stage or now - last > _PROGRESS_SECONDS:
                    stage, last = message["stage"], now
                    report(stage, message["fraction"], now - started, message["message"])
        finally:
            self._end()
        if self._cancelled:
            raise _cancelled(stage)
        cause = f"The set-up ended in the middle (exit status {process.returncode})."
        raise ImporterError(
            "SETUP_FAILED", cause, "Try again; it continues from here.", stage=stage, log="".join(words)
        )

    def cancel(self) -> None:
        """Stop pip and everything it started."""
        self._cancelled = True
        self._end(wait=False)

    def _end(self, wait: bool = True) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            if sys.platform == "win32":
                process.kill()
            else:
                posix.end_group(process.pid)
        if wait:
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()


def _cancelled(stage: str) -> ImporterError:
    cause = "The set-up was cancelled."
    return ImporterError("CANCELLED", cause, "Start it again when you want it; it continues from here.", stage=stage)
