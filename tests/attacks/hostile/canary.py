"""What hostile files try to do here: make an empty folder of their own beside themselves. Nothing else."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Hostile:
    """One file. make: writes it for a canary that must never exist. suffix: of its name.

    options: import options; `res://` is the folder that it lies in. codes: the errors that are right; empty when it
    may also be loaded, without effect. file_name: when others look at its name.
    """

    name: str
    suffix: str
    make: Callable[[Path, Path], None]
    options: dict[str, Any]
    codes: frozenset[str] = frozenset()
    file_name: str = ""

    def path(self, folder: Path) -> Path:
        return folder / (self.file_name or f"{self.name}{self.suffix}")


class Runs:
    """Unpickling an instance makes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


def pickled(canary: Path, protocol: int = 2) -> bytes:
    return pickle.dumps(Runs(canary), protocol)


def hidden_behind_frame(canary: Path) -> bytes:
    """A text begins in a frame and is longer than it. A reader that counts frames takes it whole from behind the frame,
    one that does not takes the frame's rest too: five bytes later each sees other steps, until the last two."""
    path = str(canary).encode()
    runs = b"cos\nmkdir\nX" + len(path).to_bytes(4, "little") + path + b"\x85R"
    text = b"A" * 11 + b"B" + len(runs).to_bytes(4, "little")
    begin = b"X" + len(text).to_bytes(4, "little") + b"AAAAA"
    return b"\x80\x04\x95" + len(begin).to_bytes(8, "little") + begin + text + runs + b"00}."


def expression(canary: Path) -> str:
    """Python that makes the canary, as one expression."""
    return f"__import__('os').mkdir('{canary}')"
