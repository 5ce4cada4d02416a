"""What a killed process left is removed by the next one; what belongs to a living one is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from importer.cache.cache import Cache
from importer.owned_folders import make_owned_folder, owned_folder, temporary_folder

ROOT = Path(__file__).parents[2]
MAKE = (
    "import sys, time; from pathlib import Path; from importer.owned_folders import make_owned_folder; "
    "folder = make_owned_folder(Path(sys.argv[1]), 'job'); (folder / 'large').write_bytes(bytes(1000)); "
    "print(folder, flush=True); time.sleep(60)"
)


def start(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", MAKE, str(parent)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_killed_owners_folder_is_removed_at_once(tmp_path: Path) -> None:
    process, left = start(tmp_path)
    try:
        with owned_folder(tmp_path, "job") as own:
            assert left.is_dir() and own.is_dir()
            process.kill()
            process.wait()
            with owned_folder(tmp_path, "job"):
                assert not left.exists() and own.is_dir()
        assert not own.exists()
    finally:
        process.kill()
        process.wait()


def test_the_cache_removes_what_a_killed_conversion_left(tmp_path: Path) -> None:
    (tmp_path / ".building").mkdir()
    process, left = start(tmp_path / ".building")
    process.kill()
    process.wait()
    with Cache(tmp_path).building("0" * 64) as building:
        assert not left.exists() and building.is_dir()


def test_a_number_that_was_given_to_another_process(tmp_path: Path) -> None:
    mine = make_owned_folder(tmp_path, "job")
    host = mine.name.split(".")[1].split("-")[0]
    for name, stays in {
        f"job.{host}-{os.getpid()}-1.reused": False,
        f"job.00000000-{os.getpid()}-1.elsewhere": True,
        "job.of_a_person": True,
    }.items():
        (tmp_path / name).mkdir()
        make_owned_folder(tmp_path, "job")
        assert (tmp_path / name).exists() == stays
    assert mine.exists()


def test_a_link_in_the_place_of_the_temporary_folder(tmp_path: Path, monkeypatch: object) -> None:
    import tempfile

    name = temporary_folder().name
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    try:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / name).symlink_to(tmp_path / "elsewhere")
        assert temporary_folder().name != name
    finally:
        tempfile.tempdir = before
