"""Files outside the project: real writers, real events, real folders that vanish."""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.errors import ImporterError
from python_backend import watch
from python_backend.watch import Watcher


class Log:
    """What a watcher reported."""

    def __init__(self) -> None:
        self.changes: queue.Queue[tuple[Path, Path]] = queue.Queue()
        self.failures: queue.Queue[ImporterError] = queue.Queue()
        self.watcher = Watcher(
            lambda link, target: self.changes.put((link, target)), lambda link, target, error: self.failures.put(error)
        )

    def change(self, seconds: float = 90.0) -> tuple[Path, Path]:
        return self.changes.get(timeout=seconds)

    def no_change(self, seconds: float) -> None:
        with pytest.raises(queue.Empty):
            self.changes.get(timeout=seconds)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    monkeypatch.setattr(watch, "QUIET_WHILE_OPEN", 1.0)
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.3)
    log = Log()
    yield log
    log.watcher.close()


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A link in a project and a target in a training run's folder."""
    for name in ("project", "run"):
        (tmp_path / name).mkdir()
    return tmp_path / "project" / "net.pt", tmp_path / "run" / "checkpoint.pt"


def replace(path: Path, data: bytes) -> None:
    temporary = path.with_name("new")
    temporary.write_bytes(data)
    temporary.replace(path)


def leftovers(link: Path) -> list[str]:
    return [path.name for path in link.parent.iterdir() if path != link]


def test_a_file_that_is_there_is_copied_at_once(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target.write_bytes(b"first")
    log.watcher.watch(link, target)
    assert log.change() == (link, target)
    assert link.read_bytes() == b"first"
    assert leftovers(link) == []


def test_another_content_of_the_same_size_and_time_is_copied(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target.write_bytes(b"first")
    log.watcher.watch(link, target)
    log.change()
    times = target.stat()
    with target.open("rb+") as file:  # the same file, as `cp -p` writes it
        file.write(b"other")
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert log.change() == (link, target)
    assert link.read_bytes() == b"other"


def test_a_file_finished_long_ago_is_not_waited_for(
    log: Log, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "QUIET_WHILE_OPEN", 60.0)
    link, target = places
    target.write_bytes(b"old")
    os.utime(target, (time.time() - 120, time.time() - 120))
    log.watcher.watch(link, target)
    log.change()
    assert link.read_bytes() == b"old"


def test_the_same_bytes_are_no_change(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target.write_bytes(b"same")
    link.write_bytes(b"same")
    log.watcher.watch(link, target)
    log.no_change(1.6)
    replace(target, b"same")
    log.no_change(1.0)


def test_each_new_version_is_copied(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    log.watcher.watch(link, target)
    time.sleep(0.5)
    for number in range(3):
        replace(target, b"version %d" % number)
        log.change()
        assert link.read_bytes() == b"version %d" % number


def test_a_file_that_is_still_growing_is_waited_for(
    log: Log, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "QUIET_WHILE_OPEN", 60.0)
    link, target = places
    log.watcher.watch(link, target)
    writer = (
        "import sys, time\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    for step in range(15):\n"
        "        file.write(bytes([step]) * 100_000); file.flush(); time.sleep(0.2)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", writer, str(target)])
    while process.poll() is None:
        assert not link.exists(), "a half-written file was copied"
        time.sleep(0.02)
    log.change()
    assert link.read_bytes() == b"".join(bytes([step]) * 100_000 for step in range(15))
    log.no_change(1.0)


def test_a_pause_in_writing_is_not_the_end(
    log: Log, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "QUIET_WHILE_OPEN", 60.0)
    link, target = places
    log.watcher.watch(link, target)
    time.sleep(0.5)
    with target.open("wb") as file:
        file.write(b"half")
        file.flush()
        time.sleep(1.5)
        assert not link.exists()
        file.write(b" whole")
    log.change()
    assert link.read_bytes() == b"half whole"


def test_thousands_of_versions_a_second(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    log.watcher.watch(link, target)
    time.sleep(0.5)
    written = 0
    begin = time.monotonic()
    while time.monotonic() - begin < 4.0 or (log.changes.empty() and time.monotonic() - begin < 60.0):
        body = b"%08d" % written * 64
        replace(target, body + hashlib.sha256(body).digest())
        written += 1
        if link.exists():
            data = link.read_bytes()
            assert hashlib.sha256(data[:-32]).digest() == data[-32:], "a torn copy"
    assert log.changes.qsize() >= 1, "a file that never rests was never copied"
    print(f"{written / (time.monotonic() - begin):.0f} versions a second, {log.changes.qsize()} copies")
    deadline = time.monotonic() + 90
    while link.read_bytes() != target.read_bytes():
        assert time.monotonic() < deadline, "the last version was not copied"
        time.sleep(0.05)
    assert leftovers(link) == []


def test_rewriting_in_place_never_gives_a_torn_copy(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    log.watcher.watch(link, target)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            target.write_bytes(b"%06d" % number * 200_000)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(4.0)
    stop.set()
    thread.join()
    deadline = time.monotonic() + 90
    while not link.exists() or link.read_bytes() != target.read_bytes():
        if link.exists():
            data = link.read_bytes()
            assert data == data[:6] * 200_000, "a torn copy"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_noise_in_the_same_folder_is_no_change(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target.write_bytes(b"x")
    log.watcher.watch(link, target)
    log.change()
    for number in range(5000):
        (target.parent / f"step_{number}").write_bytes(b"")
    log.no_change(1.0)
    replace(target, b"y")
    log.change()


def test_a_folder_that_vanishes_and_comes_back(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target.write_bytes(b"before")
    log.watcher.watch(link, target)
    log.change()
    shutil.rmtree(target.parent)
    log.no_change(1.0)
    assert link.read_bytes() == b"before"
    target.parent.mkdir()
    target.write_bytes(b"after")
    log.change()
    assert link.read_bytes() == b"after"
    replace(target, b"again")
    log.change()
    assert link.read_bytes() == b"again"


def test_a_folder_that_is_not_there_yet(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target = target.parent / "later" / "deep" / "net.pt"
    log.watcher.watch(link, target)
    target.parent.mkdir(parents=True)
    target.write_bytes(b"born")
    log.change()
    assert link.read_bytes() == b"born"


def test_a_link_to_the_newest_checkpoint(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    for number in (1, 2):
        (target.parent / f"epoch_{number}.pt").write_bytes(b"epoch %d" % number)
    target.symlink_to("epoch_1.pt")
    log.watcher.watch(link, target)
    log.change()
    target.with_name("new").symlink_to("epoch_2.pt")
    target.with_name("new").replace(target)
    log.change()
    assert link.read_bytes() == b"epoch 2"
    assert not link.is_symlink()


def test_unwatch_stops(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    log.watcher.watch(link, target)
    log.watcher.watch(link, target)
    log.watcher.unwatch(link, target)
    target.write_bytes(b"x")
    log.no_change(2.0)
    assert not link.exists()


def test_a_pipe_in_its_place_is_left_alone(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    os.mkfifo(target)
    log.watcher.watch(link, target)
    log.no_change(1.6)
    target.unlink()
    target.write_bytes(b"a file")
    log.change()


def test_a_full_disk_keeps_the_last_copy_and_is_told_once(
    log: Log, places: tuple[Path, Path], small_disk: Path
) -> None:
    _, target = places
    link = small_disk / "net.pt"
    target.write_bytes(b"small")
    log.watcher.watch(link, target)
    log.change()
    target.write_bytes(bytes(3 << 20))
    error = log.failures.get(timeout=90)
    assert error.code == "DISK_FULL"
    assert link.read_bytes() == b"small"
    time.sleep(2.5)
    assert log.failures.empty()
    assert leftovers(link) == []
    replace(target, b"fits")
    log.change()
    assert link.read_bytes() == b"fits"


def test_a_file_is_not_linked_to_itself(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target.write_bytes(b"x")
    link.symlink_to(target)
    with pytest.raises(ImporterError) as caught:
        log.watcher.watch(link, target)
    assert caught.value.code == "LINK_TO_ITSELF"


def test_the_folder_of_a_link_is_gone(log: Log, places: tuple[Path, Path]) -> None:
    link, target = places
    target.write_bytes(b"weights")
    shutil.rmtree(link.parent)
    log.watcher.watch(link, target)
    error = log.failures.get(timeout=15)
    assert error.code == "LINK_NOT_COPIED" and str(link) in error.cause
    link.parent.mkdir()
    assert log.change() == (link, target) and link.read_bytes() == b"weights"
    assert log.failures.empty()
