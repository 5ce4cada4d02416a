"""Which scheduler a command uses."""

from __future__ import annotations

from importer.cache.cache import Cache
from importer.errors import ImporterError
from importer.scheduling.local import LocalScheduler
from importer.scheduling.work import Scheduler


def scheduler(cache: Cache, cluster: str = "", jobs: int = 1) -> Scheduler:
    """This machine with `jobs` conversions at once, or the dask cluster at an address. Raises OPTION_INVALID and
    PACKAGE_MISSING."""
    if not cluster:
        return LocalScheduler(cache, jobs)
    if jobs != 1:
        cause = "--jobs is for this machine only."
        remedy = "Start workers with as many threads: `dask worker --nthreads N`."
        raise ImporterError("OPTION_INVALID", cause, remedy, "start")
    from importer.scheduling.cluster import ClusterScheduler

    return ClusterScheduler(cache, cluster)
