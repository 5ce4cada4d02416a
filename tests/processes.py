"""Processes of tests, found by a name that their code gives itself: confined code cannot write a file to say so."""

from __future__ import annotations

import os
import time

import psutil

TAKE_NAME = "__import__('ctypes').CDLL(None).prctl(15, {name!r}.encode(), 0, 0, 0)"
"""Python that names its own process (15 characters at most)."""


def named(name: str) -> list[int]:
    """The processes of this name that live."""
    return [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "name", "status"])
        if process.info["name"] == name and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def wait_for_name(name: str, seconds: float = 240.0) -> int:
    """The process that takes this name."""
    end = time.monotonic() + seconds
    while not (found := named(name)):
        assert time.monotonic() < end, f"no process became {name}"
        time.sleep(0.02)
    return found[0]


def wait_until_gone(pid: int, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.02)


def unique_name() -> str:
    return f"test_{os.urandom(4).hex()}"
