"""Pipes, devices and files without an end in a project: nobody waits for them, and each has an error that says why."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from importer.cache.cache_key import hash_file
from importer.cache.factory_modules import imported_files
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.pipeline import prepare
from importer.plain_files import MOST_FILE_BYTES, open_plain, read_plain
from importer.sources.architecture.guess import guess_factories, python_files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nothing"])
def test_only_plain_files_are_opened(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    for read in (open_plain, hash_file, lambda path: read_plain(path, 10)):
        with pytest.raises(OSError):
            read(path)


def test_a_limit_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_bytes(b"0123456789")
    assert read_plain(tmp_path / "net.py", 10) == b"0123456789"
    with pytest.raises(OSError):
        read_plain(tmp_path / "net.py", 9)


def test_a_file_of_holes_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(b"\x80\x02")
    os.truncate(path, MOST_FILE_BYTES + 1)
    with pytest.raises(ImporterError) as caught:
        prepare(path, ImportOptions(), None)
    assert caught.value.code == "FILE_TOO_LARGE" and "64 GB" in caught.value.cause


@pytest.mark.parametrize("option", ["factory", "metric", "calibration", "evaluate"])
def test_options_that_name_a_pipe(option: str, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.py")
    value = "res://pipe.py:build" if option in ("factory", "metric") else "res://pipe.py"
    with pytest.raises(ImporterError) as caught:
        prepare(tmp_path / "net.pt", ImportOptions.from_mapping({option: value}), tmp_path)
    assert caught.value.code in ("FILE_NOT_READABLE", "OPTION_INVALID") and caught.value.remedy


def test_modules_beside_a_factory_that_are_not_plain(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import around, large\n", encoding="utf-8")
    (tmp_path / "around").mkdir()
    os.mkfifo(tmp_path / "around" / "inner.py")
    (tmp_path / "large.py").write_text("import other\n", encoding="utf-8")
    os.truncate(tmp_path / "large.py", 1 << 40)
    (tmp_path / "other.py").write_text("", encoding="utf-8")
    assert set(imported_files(tmp_path / "net.py")) == {"around/inner.py", "large.py"}


def test_python_files_that_are_not_plain_are_no_guess(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.py")
    (tmp_path / "b.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "c.py").write_text("from torch import nn\n", encoding="utf-8")
    os.truncate(tmp_path / "c.py", 1 << 40)
    found = list(python_files(tmp_path / "net.pt", tmp_path))
    assert [path.name for path in found] == ["b.py", "c.py"]
    assert guess_factories(tmp_path / "net.pt", tmp_path, {"weight": (1, 1)}) == []
