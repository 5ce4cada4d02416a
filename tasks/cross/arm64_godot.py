"""Godot for Linux arm64, and the emulator that runs programs of that processor here. For tests."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks import debian_suite, godot
from tasks.console import CACHE, megabytes, size_of, step

UNPACKED = CACHE / "godot-arm64"
# qemu-user of Debian 12 (7.2) ends a fork of a process with threads as soon as the fork has a thread of its own.
EMULATOR = CACHE / "qemu-aarch64"
# The C library of Debian's cross compiler.
_SYSTEM = "/usr/aarch64-linux-gnu"


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
    """The words that run an arm64 program here; the emulator is fetched of the same Debian suite if it is not there."""
    if not EMULATOR.exists():
        unpacked = CACHE / "qemu"
        CACHE.mkdir(parents=True, exist_ok=True)
        # It is linked statically. The package has the emulators of forty processors.
        debian_suite.unpack(["qemu-user"], godot.SUITE, unpacked, dependencies=False)
        (unpacked / "usr" / "bin" / EMULATOR.name).replace(EMULATOR)
        shutil.rmtree(unpacked)
    return [EMULATOR, "-L", _SYSTEM, *words]
