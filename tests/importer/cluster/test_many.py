"""60 conversions by three workers: one is killed in the middle, one is added; the results are those of one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import json_output
from tests.importer.cluster.conftest import make_models
from tests.importer.cluster.dask_processes import ROOT, Cluster, until
from tests.importer.cluster.test_cluster import programs

COUNT = 60


def ends_of_tasks(cluster: Cluster) -> Counter[str]:
    """How often the scheduler was given the result of each conversion."""
    from distributed import Client

    def read(dask_scheduler: object) -> list[str]:
        log = dask_scheduler.transition_log  # type: ignore[attr-defined]
        return [line[0] for line in log if str(line[0]).startswith("convert-") and line[2] == "memory"]

    with Client(cluster.address, set_as_default=False) as client:
        return Counter(client.run_on_scheduler(read))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_sixty_conversions_with_a_death(tmp_path: Path) -> None:
    config = make_models(tmp_path, COUNT)
    near, far = tmp_path / "near", tmp_path / "far"
    local = [sys.executable, "-m", "importer", "convert", "--config", config, "-o", near, "--cache", tmp_path / "cache"]
    subprocess.run([*map(str, local), "--quiet", "--jobs", "2"], cwd=ROOT, check=True, timeout=2000)
    cluster = Cluster(tmp_path)
    try:
        for name in ("one", "two", "three"):
            cluster.add_worker(name)
        process = cluster.start("convert", "--config", config, "-o", far)
        until(lambda: far.exists() and len(list(far.glob("*.pte"))) >= COUNT // 4, "a quarter is done", 1000)
        running = cluster.user("two") / "executorch-godot" / "cluster"
        until(lambda: bool(list(running.glob("job.*"))), "the second worker converts", 100)
        os.kill(cluster.workers["two"].pid, signal.SIGKILL)
        added = cluster.add_worker("four")
        printed, errors = process.communicate(timeout=2000)
        assert process.returncode == 0, printed + errors
        found = json_output.read(printed, "convert")["files"]
        assert [Path(item["source"]).name for item in found] == [f"net{index}.pth" for index in range(COUNT)]
        assert not any(item["cached"] for item in found) and len({item["key"] for item in found}) == COUNT
        assert programs(far) == programs(near) and len(programs(far)) == 3 * COUNT
        once = ends_of_tasks(cluster)
        # A worker may end in the moment between its result and its being read.
        assert len(once) == COUNT and sum(once.values()) <= COUNT + 1
        assert list((added / "files").glob("??/*")), "the added worker has converted, too"
    finally:
        cluster.stop()
