"""The one error type of this room: what happened, and the command or step that mends it."""

from __future__ import annotations

import errno
from typing import Any

DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BackendError(Exception):
    """An error with a code from docs/errors.md, its cause and its remedy; `stage` and `log` when a job had them."""

    def __init__(self, code: str, cause: str, remedy: str, *, stage: str = "", log: str = "") -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause
        self.remedy = remedy
        self.stage = stage
        self.log = log

    def __str__(self) -> str:
        return f"{self.code}: {self.cause} {self.remedy}".rstrip()

    def data(self) -> dict[str, str]:
        """The `data` member of a JSON-RPC error."""
        return {"code": self.code, "cause": self.cause, "remedy": self.remedy, "stage": self.stage, "log": self.log}


def from_exception(error: BaseException, *, stage: str = "") -> BackendError:
    """Any exception as a BackendError; the importer's own errors keep their code, cause and remedy."""
    if isinstance(error, BackendError):
        error.stage = error.stage or stage
        return error
    code, cause, remedy = (getattr(error, name, None) for name in ("code", "cause", "remedy"))
    if isinstance(code, str) and isinstance(cause, str) and isinstance(remedy, str):
        own_stage, log = (_text(getattr(error, name, "")) for name in ("stage", "log"))
        return BackendError(code, cause, remedy, stage=own_stage or stage, log=log)
    if isinstance(error, OSError) and error.errno in DISK_IS_FULL:
        where = f" at {error.filename}" if error.filename else ""
        cause = f"The disk is full, or a limit on file sizes was reached{where} ({error.strerror})."
        return BackendError("DISK_FULL", cause, "Free some space and import the file again.", stage=stage)
    if isinstance(error, MemoryError):
        cause = "The conversion ran out of memory."
        return BackendError("OUT_OF_MEMORY", cause, "Close other programs, or use a smaller model.", stage=stage)
    if isinstance(error, ImportError):
        name = error.name or "a package"
        cause = f"Python cannot import {name}: {error}"
        remedy = "Run `python3 -m python_backend doctor` with this interpreter; it prints the command that mends it."
        return BackendError("BROKEN_PACKAGE", cause, remedy, stage=stage)
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return BackendError("INTERNAL_ERROR", cause, "The log has the place. Please report it.", stage=stage)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
