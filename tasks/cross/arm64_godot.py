"""Godot for Linux arm64, which this machine runs through qemu-user. For tests of the library for that processor."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks import debian_suite, godot
from tasks.console import CACHE, StepFailed, megabytes, size_of, step

EMULATOR = "qemu-aarch64"
UNPACKED = CACHE / "godot-arm64"


def ensure() -> Path:
    """The editor's program, fetched of the same Debian suite as this machine's Godot if it is not there."""
    program = UNPACKED / "usr" / "bin" / "godot"
    if not (UNPACKED / "ready").exists():
        UNPACKED.parent.mkdir(parents=True, exist_ok=True)
        debian_suite.unpack(godot.PACKAGES[:3], godot.SUITE, UNPACKED, dependencies=True, architecture="arm64")
        with step("make Godot for arm64 use the libraries of its own folder"):
            godot.bind_libraries(UNPACKED, "aarch64-linux-gnu", "ld-linux-aarch64.so.1")
        (UNPACKED / "ready").touch()
        print(f"  ok Godot for arm64, {megabytes(size_of(UNPACKED))}")
    return program


def command(*words: str | Path) -> list[str | Path]:
    """The words that run an arm64 program here. Raises StepFailed where there is no emulator."""
    if shutil.which(EMULATOR) is None:
        raise StepFailed(f"there is no {EMULATOR}", "apt-get install qemu-user")
    return [EMULATOR, *words]
