"""The progress of a conversion: its stages and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

STAGES = ("queued", "start", "read", "load", "export", "lower", "write", "validate", "store")

# Where each stage begins, as a part of the whole; measured on small and middle models.
_BEGINS = {"queued": 0.0, "start": 0.0, "read": 0.02, "load": 0.05, "export": 0.2}
_BEGINS |= {"lower": 0.4, "write": 0.75, "validate": 0.8, "store": 0.97}


@dataclass(frozen=True)
class Progress:
    """One step of a conversion. fraction: 0 to 1, an estimate. elapsed_seconds: since the conversion began."""

    stage: str
    fraction: float
    elapsed_seconds: float
    message: str = ""


Listener = Callable[[Progress], None]


class Stages:
    """Reports each stage to a listener and keeps the current one."""

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self._began = time.monotonic()
        self.current = "start"

    def enter(self, stage: str, message: str = "") -> None:
        self.current = stage
        if self._listener:
            self._listener(Progress(stage, _BEGINS[stage], self.elapsed(), message))

    def say(self, message: str) -> None:
        """Report a message of the current stage."""
        self.enter(self.current, message)

    def elapsed(self) -> float:
        return time.monotonic() - self._began
