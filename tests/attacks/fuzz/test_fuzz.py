"""Everything that reads bytes of others, against inputs that search for new ways through it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.fuzz.targets import ROOT, TARGETS

FOUND = Path(__file__).with_name("found")
SHORT_SECONDS = 2
LONG_SECONDS = 3600 // len(TARGETS)


def fuzz(target: str, seconds: int, finds: Path) -> None:
    pytest.importorskip("atheris", reason="could not install atheris, which has wheels for Linux only")
    command = [sys.executable, "-m", "tests.attacks.fuzz.run", target, str(seconds), str(finds)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=seconds + 120)
    found = sorted(finds.glob("*")) if finds.exists() else []
    shown = "\n".join(f"{path.name}: {path.read_bytes()[:2000]!r}" for path in found)
    assert ended.returncode == 0, f"{ended.stderr[-4000:]}\n{shown}"
    runs = [line for line in ended.stderr.splitlines() if "number_of_executed_units" in line]
    print(target, runs[0].split()[-1], "inputs")


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found_in_seconds(target: str, tmp_path: Path) -> None:
    fuzz(target, SHORT_SECONDS, tmp_path / "finds")


@pytest.mark.slow
@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found_in_an_hour_for_all(target: str, tmp_path: Path) -> None:
    fuzz(target, LONG_SECONDS, tmp_path / "finds")


def test_a_planted_fault_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fuzzer that cannot find anything would pass as well."""
    pytest.importorskip("atheris", reason="could not install atheris, which has wheels for Linux only")
    (tmp_path / "planted.py").write_text(
        "def read(data):\n    if data[:1] == b'Z':\n        if data[1:2] == b'I':\n            raise KeyError('x')\n"
    )
    (tmp_path / "plant.py").write_text(
        "import importlib, sys\n"
        "from tests.attacks.fuzz import run, targets\n"
        "read = lambda data: importlib.import_module('planted').read(data)\n"
        "targets.TARGETS['planted'] = targets.Target(read, lambda: iter([b'abc']), ('planted',))\n"
        f"sys.argv = ['run', 'planted', '60', {str(tmp_path / 'finds')!r}]\n"
        "run.main()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    ended = subprocess.run([sys.executable, str(tmp_path / "plant.py")], capture_output=True, cwd=ROOT, timeout=120)
    assert ended.returncode != 0 and b"KeyError: 'x'" in ended.stderr + ended.stdout
    (find,) = (tmp_path / "finds").iterdir()
    assert find.read_bytes()[:2] == b"ZI"


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_is_mended(path: Path) -> None:
    """`found/TARGET/NAME`: inputs that were faults once."""
    TARGETS[path.parent.name].run(path.read_bytes())
