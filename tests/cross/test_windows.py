"""The library for Windows: all of ours compiles and links. A stub stands for the runtime, which its wheel lacks; what
needs no ExecuTorch runs in Wine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tasks.cross import targets

pytestmark = pytest.mark.slow

# Debian's package wine64 puts it where no shell looks.
WINE = shutil.which("wine64") or shutil.which("wine64", path="/usr/lib/wine") or shutil.which("wine")
LIBRARIES = ("godot_executorch.dll", "godot_executorch_kernels.dll", "godot_executorch_etdump.dll")


@pytest.fixture(scope="module")
def folder(library_of: Callable[[str], Path]) -> Path:
    return library_of("windows-x86_64")


def test_all_libraries_are_linked_and_none_is_in_the_addon(folder: Path) -> None:
    for name in LIBRARIES:
        assert (folder / name).read_bytes()[:2] == b"MZ"
    assert targets.find("windows-x86_64") not in targets.built()


def test_what_the_stub_stands_for_is_in_the_runtime_of_linux(folder: Path) -> None:
    """By their names without parameters: `size_t` and `int64_t` have other types there."""
    lines = (folder.parent / "libexecutorch_stub.def").read_text(encoding="utf-8").splitlines()
    wanted = {line.split()[0] for line in lines if line.startswith("  ")}
    assert len(wanted) > 50
    spec = importlib.util.find_spec("executorch")
    assert spec is not None and spec.submodule_search_locations is not None
    libraries = sorted(Path(next(iter(spec.submodule_search_locations))).glob("lib/libexecutorch*.so"))
    command = ["nm", "-D", "--defined-only", "-P", *map(str, libraries)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    offered = {line.split()[0] for line in listed.splitlines() if line and not line.endswith(":")}
    assert _names(wanted) - _names(offered) == set()


@pytest.mark.skipif(WINE is None, reason="there is no wine (wine64)")
def test_what_windows_does_differently_runs_in_wine(folder: Path, tmp_path: Path) -> None:
    """Files, mappings, libraries, memory and clocks: what needs no ExecuTorch."""
    assert WINE is not None
    tests = targets.find("windows-x86_64").build / "tests" / "platform"
    environment = {**os.environ, "WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
    done = subprocess.run(
        [WINE, tests / "platform_tests.exe"],
        cwd=tests,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    assert re.search(r"test cases: +\d+ \| +\d+ passed \| 0 failed", done.stdout), done.stdout + done.stderr
    assert done.returncode == 0


def _names(symbols: Iterable[str]) -> set[str]:
    mangled = "\n".join(sorted(symbols))
    plain = subprocess.run(["c++filt", "-p"], input=mangled, capture_output=True, text=True, check=True).stdout
    return {re.sub(r"\[abi:\w+\]", "", line) for line in plain.splitlines()}
