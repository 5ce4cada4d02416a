"""A program that another process replaces while a command reads it."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from importer.errors import ImporterError
from importer.program.unchanged import unchanged
from tests import json_output
from tests.importer.test_command_line import importer


@pytest.mark.parametrize("way", ["replaced", "written", "removed", "weights"])
def test_a_file_that_changes_is_told(tmp_path: Path, way: str) -> None:
    program, weights, other = tmp_path / "net.pte", tmp_path / "net.ptd", tmp_path / "other"
    for path in (program, weights, other):
        path.write_bytes(b"same")
    ways = {
        "replaced": lambda: other.replace(program),
        "written": lambda: program.write_bytes(b"longer"),
        "removed": program.unlink,
        "weights": lambda: other.replace(weights),
    }
    with pytest.raises(ImporterError, match="FILE_CHANGED"), unchanged([program]):
        ways[way]()
        raise ImporterError("PROGRAM_FAILED", "0x22", "")
    with pytest.raises(ImporterError, match="PROGRAM_FAILED"), unchanged([program]):
        raise ImporterError("PROGRAM_FAILED", "0x22", "")


@pytest.mark.slow
def test_a_program_is_replaced_while_it_is_compared(models: Path, tmp_path: Path) -> None:
    program, over = tmp_path / "net.pte", threading.Event()
    shutil.copy(models / "linear_xnnpack.pte", program)

    def replace() -> None:
        while not over.is_set():
            shutil.copy(models / "linear_portable.pte", tmp_path / "new")
            (tmp_path / "new").replace(program)
            time.sleep(0.05)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        done = importer("compare", program, models / "linear_xnnpack.pte", "--json")
    finally:
        over.set()
        thread.join()
    error = json_output.read(done.stdout, "error")["error"]
    assert done.returncode == 5 and error["code"] == "FILE_CHANGED" and "net.pte" in error["cause"]
    assert importer("compare", program, models / "linear_xnnpack.pte", "--json").returncode == 0
