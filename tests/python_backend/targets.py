"""Jobs that misbehave, run by the real workers in real child processes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from importer.jobs.child import Report


def add(params: dict[str, Any], report: Report) -> dict[str, Any]:
    report("lower", 0.5, "adding")
    return {"sum": params["left"] + params["right"], "pid": os.getpid(), "niceness": os.nice(0)}


def sleep(params: dict[str, Any], report: Report) -> None:
    report("export", 0.1)
    Path(params["started"]).write_text(str(os.getpid()), encoding="ascii")
    time.sleep(params.get("seconds", 60.0))


def sleep_with_children(params: dict[str, Any], report: Report) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    report("validate", 0.0)
    Path(params["started"]).write_text(f"{os.getpid()} {process.pid}", encoding="ascii")
    process.wait()


def allocate(params: dict[str, Any], report: Report) -> None:
    report("lower", 0.0)
    kept = []
    while True:
        kept.append(bytearray(b"x" * 20_000_000))
        time.sleep(0.01)


def crash(params: dict[str, Any], report: Report) -> None:
    report("validate", 0.2)
    os.write(2, b"words from C++ on descriptor 2\n")
    ctypes.string_at(0)


def kill_myself(params: dict[str, Any], report: Report) -> None:
    report("lower", 0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(params: dict[str, Any], report: Report) -> None:
    sys.exit(3)


def fail(params: dict[str, Any], report: Report) -> None:
    report("load", 0.0)
    print("what the model printed")
    raise ValueError("no such thing")


def shout(params: dict[str, Any], report: Report) -> None:
    for _ in range(2000):
        os.write(1, b"a line of a talkative library, one of very many\n" * 20)
    os.write(1, b"the last line\n")
    raise ValueError("wrote too much")


def fill_disk(params: dict[str, Any], report: Report) -> None:
    report("write", 0.0)
    with Path(params["path"]).open("wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))


def flood(params: dict[str, Any], report: Report) -> dict[str, Any]:
    for step in range(5000):
        report("lower", step / 5000, "working")
    return {}


def threads(params: dict[str, Any], report: Report) -> dict[str, Any]:
    import torch

    matrix = torch.ones(600, 600)
    image = torch.nn.Conv2d(3, 16, 3)(torch.zeros(2, 3, 64, 64))
    return {"sum": float((matrix @ matrix).sum()), "threads": torch.get_num_threads(), "shape": list(image.shape)}
