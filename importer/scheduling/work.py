"""What a scheduler converts, what it says meanwhile and at the end, and its interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from importer.cache.cache import Cache
from importer.cache.cache_key import hash_file
from importer.cache.entry import Artifact
from importer.errors import ImporterError, from_exception
from importer.jobs.conversion import Job
from importer.options import ImportOptions
from importer.pipeline import prepare
from importer.progress import Progress

Told = Callable[[int, Progress], None]
"""Called from any thread with a conversion's place among the given ones, and its progress."""


def never() -> bool:
    """The conversions run to their end."""
    return False


@dataclass(frozen=True)
class Conversion:
    """A model to convert. allowed_pickles: SHA-256 of files whose code may run, confined; trusted_factories: of
    factories that may run unconfined."""

    source: Path
    options: ImportOptions
    project: Path | None = None
    allowed_pickles: Sequence[str] = ()
    trusted_factories: Sequence[str] = ()


@dataclass(frozen=True)
class Ended:
    """The end of a conversion: an artifact or an error. index: its place among the given ones. cached: the artifact was
    there before. seconds: how long it ran."""

    index: int
    artifact: Artifact | None = None
    error: ImporterError | None = None
    cached: bool = False
    seconds: float = 0.0


class Scheduler(Protocol):
    def run(
        self, conversions: Sequence[Conversion], told: Told, is_over: Callable[[], bool] = never
    ) -> Generator[Ended, None, None]:
        """Convert all; each as it ends. One that fails does not stop the others. Closing the generator ends what still
        runs, and nothing half is left. is_over: asked several times a second; when it is true, what has not ended ends
        with CANCELLED. Raises ImporterError when no conversion is possible."""


def begin(conversion: Conversion, cache: Cache) -> Artifact | Job:
    """The artifact if the cache has it: that starts no process. Otherwise what is to be done."""
    plan = prepare(conversion.source, conversion.options, conversion.project)
    if found := cache.find(plan.key):
        return found
    # Whether code may run is never decided by a remembered hash.
    allowed = {item.lower() for item in conversion.allowed_pickles}
    return Job(
        conversion.source,
        cache.address,
        conversion.options,
        conversion.project,
        conversion.source.name,
        bool(allowed) and hash_file(conversion.source) in allowed,
        plan.key,
        list(conversion.trusted_factories),
    )


def failed(index: int, error: Exception, began: float) -> Ended:
    """The end of a conversion by any exception. began: of time.monotonic()."""
    return Ended(index, error=from_exception(error), seconds=time.monotonic() - began)
