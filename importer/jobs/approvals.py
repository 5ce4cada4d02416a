"""Approvals of project code that may run without a sandbox. They are stored outside of projects."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from importer.cache.cache_key import hash_file
from importer.cache.factory_modules import imported_files
from importer.cache.user_folders import user_config_folder
from importer.errors import ImporterError
from importer.options import ImportOptions, metric_file, split_factory
from importer.paths import resolve

_FILE = "approved_factories.txt"
_HEAD = "# Project code that may run without a sandbox: SHA-256 of the factory or metric and the modules beside it.\n"
_HASH = re.compile(r"[0-9a-f]{64}")


def project_code(options: ImportOptions, project: Path | None) -> list[Path]:
    """The files of project code that a conversion runs: those of the factory and the metric."""
    found = []
    if options.factory.strip():
        found.append(resolve(split_factory(options.factory)[0], project, "factory"))
    if metric := metric_file(options.metric):
        found.append(resolve(metric, project, "metric"))
    return found


def code_hash(files: Iterable[Path]) -> str:
    """sha256 (hex) of files and of the modules beside them that they import. A change of one needs a new approval."""
    lines = ["executorch-project-code"]
    for file in files:
        lines.append(f"file={hash_file(file)}")
        lines += sorted(f"module/{name}={hash_file(path)}" for name, path in imported_files(file).items())
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def approval_file() -> Path:
    """The file of approvals: one line for each, which begins with the hash."""
    return user_config_folder() / _FILE


def is_approved(code: str) -> bool:
    with contextlib.suppress(OSError, RuntimeError, UnicodeDecodeError):  # such as without a home folder
        lines = approval_file().read_text(encoding="utf-8").splitlines()
        return code in (line.partition(" ")[0] for line in lines)
    return False


def approve(code: str) -> None:
    """Store the approval of a hash of `code_hash`. Raises OPTION_INVALID and FILE_NOT_WRITTEN."""
    code = code.strip().lower()
    if not _HASH.fullmatch(code):
        cause = f"'{code:.80}' is not the SHA-256 of a factory."
        raise ImporterError("OPTION_INVALID", cause, "Copy it from the error FACTORY_NEEDS_APPROVAL.", "read")
    if is_approved(code):
        return
    target = approval_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # One write in append mode: two processes may approve at once.
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, ("" if os.fstat(handle).st_size else _HEAD).encode() + f"{code}\n".encode())
        finally:
            os.close(handle)
    except (OSError, RuntimeError) as error:
        cause = f"The approval cannot be written to {target}: {error}."
        raise ImporterError("FILE_NOT_WRITTEN", cause, "Make this file writable.", "read") from error
