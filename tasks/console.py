"""Progress output, and a log of every external command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
LOGS = CACHE / "logs"


class StepFailed(Exception):
    """A step failed: the cause, the remedy, and the log."""

    def __init__(self, cause: str, remedy: str = "", log: Path | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        self.log = log


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what runs, and how long it took."""
    begin = time.monotonic()
    print(f"  .. {title}", flush=True)
    yield
    print(f"  ok {title} ({time.monotonic() - begin:.1f} s)", flush=True)


def run(
    command: Sequence[str | Path],
    *,
    log: str,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    remedy: str = "",
) -> str:
    """Run a command, keep its output in a log, and return it. Raises StepFailed with the log's end."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        output, status = done.stdout.decode(errors="replace"), str(done.returncode)
        failed = done.returncode != 0
    except FileNotFoundError as error:
        output, status, failed = str(error), "not found", True
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode(errors="replace")
        status, failed = f"stopped after {timeout:.0f} s", True
    path.write_text(f"$ {shlex.join(words)}\n{output}\n[exit: {status}]\n", encoding="utf-8")
    if failed:
        raise StepFailed(f"`{shlex.join(words[:4])} ...` failed ({status}):\n{_reason_in(output)}", remedy, path)
    return output


def _reason_in(output: str) -> str:
    """The end of an output, after the errors further up: a test program lists other tests behind a failed one."""
    lines = output.strip().splitlines()
    tail = max(0, len(lines) - 25)
    errors: list[str] = []
    is_error = False
    for line in lines[:tail]:
        # A doctest assertion goes on with its values, up to an empty line.
        is_error = " ERROR: " in line or (is_error and bool(line.strip()))
        if is_error:
            errors.append(line)
    return "\n".join([*errors[:50], *(["..."] if errors else []), *lines[tail:]])


def size_of(path: Path) -> int:
    """Bytes below a path, links not followed. A file that disappears meanwhile counts as 0."""
    if path.is_symlink() or not path.is_dir():
        return _size_of_file(path)
    return sum(_size_of_file(Path(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _size_of_file(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def megabytes(count: int) -> str:
    """A size for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def version_tuple(text: str) -> tuple[int, ...]:
    """The first dotted number in a text, e.g. (4, 6, 3)."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def report_failure(error: StepFailed) -> int:
    """Print what failed and why; returns the exit status."""
    print(f"\nfailed: {error.cause}", file=sys.stderr)
    if error.remedy:
        print(f"remedy: {error.remedy}", file=sys.stderr)
    if error.log is not None:
        print(f"log: {error.log}", file=sys.stderr)
    return 1
