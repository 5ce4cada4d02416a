"""Files that are read more than once: another process may put others in their place meanwhile. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from importer.cache.cache_key import external_files
from importer.errors import ImporterError


@contextmanager
def unchanged(programs: Sequence[Path]) -> Iterator[None]:
    """Raises FILE_CHANGED when a program, or the weights outside of it, is another file at the end than at the
    beginning: then what was found inside, a result or an error, is of neither."""
    files = [file for path in programs for file in (path, *external_files(path))]
    before = [_stamp(path) for path in files]
    failure: ImporterError | None = None
    try:
        yield
    except ImporterError as error:
        failure = error
    changed = [path for path, stamp in zip(files, before, strict=True) if _stamp(path) != stamp]
    if changed:
        cause = f"{changed[0]} was replaced or written to while it was read."
        raise ImporterError("FILE_CHANGED", cause, "Run it again when nothing writes this file.") from failure
    if failure:
        raise failure


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev
