"""Which scheduler a command uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from importer.cache.cache import Cache
from importer.errors import ImporterError
from importer.scheduling.local import LocalScheduler
from importer.scheduling.work import Scheduler


def scheduler(cache: Cache, cluster: str = "", jobs: int = 1, libraries: Sequence[Path] = ()) -> Scheduler:
    """This machine with `jobs` conversions at once, or the dask cluster at an address. Raises OPTION_INVALID and
    PACKAGE_MISSING."""
    if not cluster:
        return LocalScheduler(cache, jobs)
    if jobs != 1:
        raise _invalid(
            "--jobs is for this machine only.", "Start workers with as many threads: `dask worker --nthreads N`."
        )
    if libraries:
        raise _invalid("--library is for this machine only.", "Set EXECUTORCH_LIBRARIES where the workers start.")
    from importer.scheduling.cluster import ClusterScheduler

    return ClusterScheduler(cache, cluster)


def _invalid(cause: str, remedy: str) -> ImporterError:
    return ImporterError("OPTION_INVALID", cause, remedy, "start")
