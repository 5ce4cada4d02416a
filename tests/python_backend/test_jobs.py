"""Jobs in real child processes: limits, deaths, cancelling, logs, order."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from importer.errors import ImporterError
from importer.jobs.starting import Spawn, Starter
from importer.jobs.supervisor import Limits
from importer.jobs.warm_parent import WarmParent
from python_backend.environment import NICENESS
from python_backend.jobs import Jobs, Progress, Task

TARGETS = "tests.python_backend.targets"
WARM = WarmParent(NICENESS)


class Bench:
    """A queue of jobs whose ends and progress can be waited for."""

    def __init__(self, at_once: int = 2, starter: Starter = WARM) -> None:
        self.progress: list[Progress] = []
        self.ends: queue.Queue[tuple[Any, Any, ImporterError | None]] = queue.Queue()
        self.jobs = Jobs(at_once, self.progress.append, starter)

    def submit(self, job_id: int, function: str, limits: Limits | None = None, **params: Any) -> None:
        task = Task(lambda job: job.run(f"{TARGETS}:{function}", params, None), function, limits or Limits())
        self.jobs.submit(job_id, task, lambda result, error: self.ends.put((job_id, result, error)))

    def end(self, seconds: float = 240.0) -> tuple[Any, Any, ImporterError | None]:
        return self.ends.get(timeout=seconds)

    def failure(self, function: str, limits: Limits | None = None, **params: Any) -> ImporterError:
        self.submit(1, function, limits, **params)
        error = self.end()[2]
        assert error is not None
        return error


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.jobs.close()


def wait_for(condition: Any, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def read_pids(path: Path) -> list[int]:
    wait_for(lambda: path.exists() and path.read_text(encoding="ascii").strip())
    return [int(word) for word in path.read_text(encoding="ascii").split()]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_result_and_progress_come_from_another_process(bench: Bench) -> None:
    bench.submit(7, "add", left=2, right=3)
    job_id, result, error = bench.end()
    assert error is None
    assert (job_id, result["sum"]) == (7, 5)
    assert result["pid"] != os.getpid()
    assert result["niceness"] > os.nice(0), "a job does not take time from the editor"
    stages = [progress.stage for progress in bench.progress]
    assert stages == ["queued", "start", "lower"]
    assert bench.progress[-1].message == "adding"


def test_a_spawned_process_does_the_same(tmp_path: Path) -> None:
    """The way of systems without forks."""
    bench = Bench(starter=Spawn(NICENESS))
    bench.submit(1, "add", left=2, right=3)
    _, result, error = bench.end()
    assert error is None and result["sum"] == 5 and result["niceness"] == NICENESS
    error = bench.failure("crash")
    assert (error.code, error.stage) == ("WORKER_CRASHED", "validate")
    assert "words from C++ on descriptor 2" in error.log
    bench.submit(2, "sleep_with_children", started=str(tmp_path / "pids"))
    pids = read_pids(tmp_path / "pids")
    assert bench.jobs.cancel(2)
    assert bench.end()[2] is not None
    wait_for(lambda: all(is_gone(pid) for pid in pids))
    bench.jobs.close()


def test_torch_with_threads_works_in_a_forked_child(bench: Bench) -> None:
    bench.submit(1, "threads")
    _, result, error = bench.end()
    assert error is None
    assert result["sum"] == 600.0**3
    assert result["shape"] == [2, 16, 62, 62]


def test_failure_has_stage_and_log(bench: Bench) -> None:
    error = bench.failure("fail")
    assert error.code == "INTERNAL_ERROR"
    assert error.cause == "ValueError: no such thing"
    assert error.stage == "load"
    assert "what the model printed" in error.log
    assert "Traceback" in error.log


def test_segmentation_fault_is_an_error_with_the_last_words(bench: Bench) -> None:
    error = bench.failure("crash")
    assert error.code == "WORKER_CRASHED"
    assert "SIGSEGV" in error.cause
    assert error.stage == "validate"
    assert "words from C++ on descriptor 2" in error.log
    assert "targets.py" in error.log  # faulthandler's place


def test_kill_nine_in_the_middle(bench: Bench, tmp_path: Path) -> None:
    bench.submit(1, "sleep", started=str(tmp_path / "pid"))
    (pid,) = read_pids(tmp_path / "pid")
    os.kill(pid, 9)
    error = bench.end()[2]
    assert error is not None
    assert (error.code, error.stage) == ("WORKER_KILLED", "export")
    assert error.remedy
    bench.submit(1, "add", left=1, right=1)
    assert bench.end()[1]["sum"] == 2


def test_suicide_and_sys_exit_are_errors(bench: Bench) -> None:
    assert bench.failure("kill_myself").code == "WORKER_KILLED"
    error = bench.failure("leave")
    assert (error.code, error.cause) == ("INTERNAL_ERROR", "SystemExit: 3")


def test_deadline_names_the_stage(bench: Bench, tmp_path: Path) -> None:
    error = bench.failure("sleep", Limits(deadline_seconds=4), started=str(tmp_path / "pid"))
    assert (error.code, error.stage) == ("DEADLINE_EXCEEDED", "export")
    assert "4 seconds" in error.cause
    assert is_gone(read_pids(tmp_path / "pid")[0])


def test_memory_limit_ends_the_job(bench: Bench) -> None:
    # Above what a child has at once, so that it is the job's own memory that counts.
    error = bench.failure("allocate", Limits(memory_bytes=1_500_000_000))
    assert (error.code, error.stage) == ("MEMORY_LIMIT_EXCEEDED", "lower")
    assert "1500 MB" in error.cause


def test_cancel_ends_the_job_and_what_it_started(bench: Bench, tmp_path: Path) -> None:
    bench.submit(1, "sleep_with_children", started=str(tmp_path / "pids"))
    pids = read_pids(tmp_path / "pids")
    assert bench.jobs.cancel(1)
    error = bench.end()[2]
    assert error is not None
    assert (error.code, error.stage) == ("CANCELLED", "validate")
    wait_for(lambda: all(is_gone(pid) for pid in pids))
    assert not bench.jobs.cancel(1)


def test_waiting_job_is_cancelled_before_it_begins(tmp_path: Path) -> None:
    bench = Bench(at_once=1)
    bench.submit(1, "sleep", started=str(tmp_path / "pid"))
    read_pids(tmp_path / "pid")
    bench.submit(2, "sleep", started=str(tmp_path / "never"))
    assert bench.jobs.cancel(2)
    job_id, _, error = bench.end()
    assert (job_id, error.code if error else "") == (2, "CANCELLED")
    bench.jobs.close()
    assert not (tmp_path / "never").exists()


def test_two_run_at_once_and_the_third_waits(bench: Bench, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        bench.submit(number, "sleep", started=str(tmp_path / str(number)))
    first, second = read_pids(tmp_path / "1"), read_pids(tmp_path / "2")
    assert first != second
    assert not (tmp_path / "3").exists()
    stages = {job["id"]: job["stage"] for job in bench.jobs.snapshot()}
    assert stages[3] == "queued"
    bench.jobs.cancel(1)
    read_pids(tmp_path / "3")
    bench.jobs.close()
    wait_for(lambda: all(is_gone(pid) for pid in (*first, *second)))


def test_an_id_is_used_once(bench: Bench, tmp_path: Path) -> None:
    bench.submit(1, "sleep", started=str(tmp_path / "pid"))
    with pytest.raises(ImporterError) as caught:
        bench.submit(1, "add", left=1, right=1)
    assert caught.value.code == "ID_IN_USE"


def test_log_is_bounded_and_keeps_the_end(bench: Bench) -> None:
    error = bench.failure("shout")
    assert len(error.log) < 70_000
    assert "the last line" in error.log
    assert "were dropped" in error.log


def test_full_disk_is_told(bench: Bench, small_disk: Path) -> None:
    error = bench.failure("fill_disk", path=str(small_disk / "artifact"))
    assert (error.code, error.stage) == ("DISK_FULL", "write")


def test_flood_of_progress_is_thinned(bench: Bench) -> None:
    bench.submit(1, "flood")
    assert bench.end()[2] is None
    assert len(bench.progress) < 200
