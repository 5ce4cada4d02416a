"""Large files are not read twice, and never taken for what they were before."""

from __future__ import annotations

import hashlib
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from importer.cache import known_hashes
from importer.cache.known_hashes import TABLE, known_hash
from importer.cache.user_folders import user_cache_folder

SIZE = 2 << 20


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return user_cache_folder() / TABLE


def settled(path: Path, data: bytes) -> Path:
    """A file that was written long enough ago: its entry's time cannot be set, so the clock's grain is waited for."""
    path.write_bytes(data)
    while time.time_ns() - path.stat().st_ctime_ns <= known_hashes._SETTLED_NANOSECONDS:
        time.sleep(0.05)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_read_once(tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settled(tmp_path / "net.pt", b"a" * SIZE)
    digest = known_hash(path)
    assert digest == sha256(path) and table.is_file()
    monkeypatch.setattr(known_hashes, "hash_file", lambda _: "read again")
    assert known_hash(path) == digest
    link = tmp_path / "link.pt"
    link.symlink_to(path)
    assert known_hash(link) == digest
    # Same size and same time of the content: the entry's own time differs.
    times = path.stat()
    path.write_bytes(b"b" * SIZE)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_mtime_ns == times.st_mtime_ns and known_hash(path) == "read again"
    other = tmp_path / "other.pt"
    other.write_bytes(b"c" * SIZE)
    other.replace(path)
    assert known_hash(path) == "read again"


def test_a_file_that_just_changed_is_not_remembered(tmp_path: Path, table: Path) -> None:
    path = tmp_path / "net.pt"
    for letter in (b"a", b"b", b"c"):
        path.write_bytes(letter * SIZE)
        assert known_hash(path) == sha256(path)
    assert not table.exists()
    future = time.time_ns() + 3600 * 10**9
    os.utime(settled(path, b"d" * SIZE), ns=(future, future))
    known_hash(path)
    assert not table.exists()


def test_small_files_are_read(tmp_path: Path, table: Path) -> None:
    path = settled(tmp_path / "net.pt", b"abc")
    assert known_hash(path) == sha256(path) and not table.exists()


def test_a_damaged_table_is_made_anew(tmp_path: Path, table: Path) -> None:
    path = settled(tmp_path / "net.pt", b"a" * SIZE)
    table.parent.mkdir(parents=True)
    for content in (b"", b"{", b"[1]", b"\xff", b'{"a": 3}', b'{"%s": [1,2,3,4,5,"short"]}'):
        table.write_bytes(content.replace(b"%s", str(path).encode()))
        assert known_hash(path) == sha256(path)
        assert list(json.loads(table.read_bytes())) == [str(path.resolve())]


def test_several_processes(tmp_path: Path, table: Path) -> None:
    paths = [tmp_path / f"{number}.pt" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * SIZE)
    settled(paths[0], b"\0" * SIZE)
    with ProcessPoolExecutor(3) as pool:
        for _ in range(3):
            assert list(pool.map(known_hash, paths)) == [sha256(path) for path in paths]
    assert set(json.loads(table.read_bytes())) <= {str(path.resolve()) for path in paths}


def test_a_folder_that_cannot_be_written(tmp_path: Path, table: Path) -> None:
    path = settled(tmp_path / "net.pt", b"a" * SIZE)
    table.parent.parent.mkdir(parents=True, exist_ok=True)
    table.parent.write_bytes(b"a file where the folder should be")
    assert known_hash(path) == sha256(path)
