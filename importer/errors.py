"""The one error of the importer and of the Python backend. Standard library only."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The numbers of an OSError when nothing more can be written, a quota or a limit on file sizes included."""
_OF_THE_ARGUMENTS = frozenset(
    {
        "CONDITION_INVALID",
        "EVALUATION_MISSING",
        "FILE_NOT_FOUND",
        "FILE_NOT_READABLE",
        "LIBRARY_NOT_LOADED",
        "METHOD_NOT_IN_PROGRAM",
        "MODELS_FILE_INVALID",
        "NOT_A_PROJECT",
        "OPTION_INVALID",
        "PATH_OUTSIDE_PROJECT",
        "RECIPE_UNKNOWN",
        "TARGET_INVALID",
    }
)
_OF_THE_ENVIRONMENT = frozenset(
    {
        "BROKEN_PACKAGE",
        "CACHE_NOT_WRITABLE",
        "CACHE_UNREACHABLE",
        "CLUSTER_UNREACHABLE",
        "CLUSTER_WORKER_DIFFERS",
        "CLUSTER_WORKER_LOST",
        "DISK_FULL",
        "FILE_CHANGED",
        "OUTPUT_NOT_WRITABLE",
        "OUT_OF_MEMORY",
        "PACKAGE_MISSING",
        "PACKAGE_WRONG_VERSION",
        "PORT_NOT_AVAILABLE",
        "REPORT_NOT_WRITTEN",
        "SANDBOX_MISSING",
        "SHARED_FILE_DAMAGED",
        "SIGNING_KEY_NOT_STORED",
        "TOKEN_NOT_STORED",
        "WORKER_KILLED",
        "WORKER_NOT_STARTED",
    }
)
_OWN = ("godot_executorch", "importer", "python_backend")
_NEEDED = ("torch", "torchao", "executorch", "numpy", "psutil", "safetensors", "PIL", "rich", "fsspec", "distributed")
_reasons: dict[str, str] = {}  # why a package could not be imported the first time
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


OF_EVERY_RECIPE = ("BROKEN_PACKAGE", "DISK_FULL", "DEADLINE_EXCEEDED", "LIBRARY_NOT_LOADED", "OUT_OF_MEMORY")
"""Errors of a conversion that another recipe would have too."""


@dataclass(frozen=True)
class Guess:
    """Import options that may correct an error; a button sets them. title: the text of the button."""

    title: str
    reason: str
    options: Mapping[str, str]

    def settings(self) -> str:
        """What to do, in words, for a reader without buttons."""
        told = [f"the option '{name}' to {value}" for name, value in self.options.items()]
        return f"Set {' and '.join(told)}."


class ConversionError(Exception):
    """An error: its cause, with the expected and the actual value, and its remedy.

    code    a name of docs/errors.md, such as STATE_DICT_NEEDS_FACTORY
    stage   of the conversion: read load export lower write validate store; empty outside of one
    log     what the tools printed, for a person who wants to know more
    guesses import options that may correct it, the surest first: dictionaries with the fields of Guess
    """

    def __init__(
        self,
        code: str,
        cause: str,
        remedy: str,
        stage: str = "",
        log: str = "",
        guesses: Sequence[Guess | Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause
        self.remedy = remedy
        self.stage = stage
        self.log = log
        self.guesses = [asdict(guess) if isinstance(guess, Guess) else dict(guess) for guess in guesses]

    def __str__(self) -> str:
        return f"{self.code}: {self.cause} {self.remedy}".rstrip()

    def data(self) -> dict[str, Any]:
        """The `data` member of a JSON-RPC error."""
        known = {"code": self.code, "cause": self.cause, "remedy": self.remedy, "stage": self.stage, "log": self.log}
        return {**known, "guesses": self.guesses} if self.guesses else known


ImporterError = ConversionError
"""The name inside of this project; people see the class's own, which the Python API has."""


def exit_status(error: ImporterError) -> int:
    """The exit status of a command that fails: 2 invalid arguments and paths, 3 accuracy, 4 a refused model, 5
    environment."""
    if error.code in _OF_THE_ARGUMENTS:
        return 2
    if error.code in ("ACCURACY_LOST", "TARGET_NOT_REACHED"):
        return 3
    return 5 if error.code in _OF_THE_ENVIRONMENT or error.code.startswith("PYTHON_") else 4


def from_exception(error: BaseException, *, stage: str = "") -> ImporterError:
    """An exception as an ImporterError; one that is an ImporterError already gets the stage when it has none."""
    if isinstance(error, ImporterError):
        error.stage = error.stage or stage
        return error
    if isinstance(error, OSError) and error.errno in DISK_IS_FULL:
        return disk_full(error.filename, stage)
    if isinstance(error, MemoryError):
        cause = "The conversion ran out of memory."
        return ImporterError("OUT_OF_MEMORY", cause, "Close other programs, or use a smaller model.", stage)
    if broken := broken_package(error, stage):
        return broken
    if isinstance(error, ImportError):
        return _cannot_import(error, (error.name or "").partition(".")[0], stage)
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ImporterError("INTERNAL_ERROR", cause, "The log has the place. Please report it.", stage)


def broken_package(error: BaseException, stage: str = "") -> ImporterError | None:
    """BROKEN_PACKAGE when an exception comes from a package that this program needs and that cannot be imported, or
    whose library the system does not load; None for any other, also for imports of a person's own code."""
    inner: BaseException | None = error
    for _ in range(20):
        if inner is None:
            break
        importing, is_import = _importing_package(inner)
        is_import = is_import or isinstance(inner, ImportError)
        # An OSError without a number is the linker's, by way of ctypes; we ourselves load only a game's libraries so.
        is_linking = isinstance(inner, OSError) and inner.errno is None and importing in _NEEDED
        if (is_import and importing in (*_OWN, *_NEEDED)) or is_linking:
            named = getattr(inner, "name", None) or (inner.args[0] if isinstance(inner, KeyError) else "")
            return _cannot_import(inner, str(named).partition(".")[0] or importing, stage)
        inner = inner.__cause__ or (None if inner.__suppress_context__ else inner.__context__)
    return None


def _importing_package(error: BaseException) -> tuple[str, bool]:
    """The package whose code failed, and whether it failed inside of Python's own import."""
    found, last, at = "", "", error.__traceback__
    while at is not None:
        last = str(at.tb_frame.f_globals.get("__name__") or "").partition(".")[0]
        found = found if last in ("importlib", "ctypes", "") else last
        at = at.tb_next
    return found, last == "importlib"


def _cannot_import(error: BaseException, package: str, stage: str) -> ImporterError:
    # A second import of what failed half-way raises a KeyError with its name, which is not the reason.
    reason = _reasons.get(package) if isinstance(error, KeyError) else str(error)
    reason = _reasons.setdefault(package, reason or str(error))
    cause = f"Python cannot import {package or 'a package'}, or a part of it: {reason[:300]}"
    remedy = "Run `python3 -m python_backend doctor` with this interpreter; it prints the command that repairs it."
    if package not in _OWN and package:
        name = next(iter(metadata.packages_distributions().get(package, [])), package)
        with contextlib.suppress(metadata.PackageNotFoundError):
            # Some versions have a local part (`+cpu`) that only one registry knows.
            name = f"{name}=={metadata.version(name).partition('+')[0]}"
        words = [sys.executable, "-m", "pip", "install", "--force-reinstall", "--no-deps", name]
        command = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
        remedy = f"Install the package again: {command}"
    return ImporterError("BROKEN_PACKAGE", cause, remedy, stage, "".join(traceback.format_exception(error)))


def disk_full(place: Any, stage: str = "") -> ImporterError:
    """DISK_FULL for a file or folder that could not be written; names its disk and what is free there."""
    where = f" at {place}{_disk(Path(place))}" if isinstance(place, (str, Path)) else ""
    cause = f"The disk is full, or a limit on file sizes was reached{where}."
    return ImporterError("DISK_FULL", cause, "Free some space on this disk and import the file again.", stage)


def _disk(path: Path) -> str:
    try:
        disk = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
        free = shutil.disk_usage(disk).free
        while not os.path.ismount(disk) and disk != disk.parent:
            disk = disk.parent
    except (OSError, ValueError, StopIteration):
        return ""
    return f"; the disk {disk} has {free >> 20} MB free"


def plain_text(value: Any, longest: int) -> str:
    """A text of another process as one that a terminal and a log can show; empty when it is not a text."""
    if not isinstance(value, str):
        return ""
    return _CONTROL.sub("?", value[:longest].replace("\r\n", "\n").encode(errors="replace").decode())
