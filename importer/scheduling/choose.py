"""Which scheduler a command uses."""

from __future__ import annotations

import re

from importer.cache.cache import Cache
from importer.errors import ImporterError
from importer.scheduling.local import LocalScheduler
from importer.scheduling.work import Scheduler

_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:\d{1,5}")


def scheduler(cache: Cache, cluster: str = "", jobs: int = 1) -> Scheduler:
    """This machine with `jobs` conversions at once, or the dask cluster at an address. Raises OPTION_INVALID and
    PACKAGE_MISSING."""
    if not cluster:
        return LocalScheduler(cache, jobs)
    if jobs != 1:
        cause = "--jobs is for this machine only."
        remedy = "Start workers with as many threads: `dask worker --nthreads N`."
        raise ImporterError("OPTION_INVALID", cause, remedy, "start")
    if not _ADDRESS.fullmatch(cluster):  # distributed waits for 20 seconds, and prints a traceback
        cause = f"--cluster takes the address of a dask scheduler; got '{cluster:.100}'."
        raise ImporterError("OPTION_INVALID", cause, "Write tcp://HOST:8786, or tls://HOST:8786.", "start")
    from importer.scheduling.cluster import ClusterScheduler

    return ClusterScheduler(cache, cluster)
