"""The native library, built by CMake from native/ into addons/executorch/bin/."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from tasks import debian_suite
from tasks.console import CACHE, ROOT, StepFailed, run, step
from tasks.environment import FOLDER
from tasks.godot import Godot

SOURCE = ROOT / "native"
BUILD = ROOT / "build" / "native"
SANITIZED = ROOT / "build" / "native-sanitize"
LIBRARY = ROOT / "addons" / "executorch" / "bin" / "linux.x86_64" / "libgodot_executorch.so"
DOCTEST = CACHE / "doctest"
STAMP = BUILD / "sources.sha256"


def ensure(godot: Godot) -> Path:
    """Build the library unless it is newer than its sources; returns its path."""
    digest = _digest()
    if LIBRARY.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == digest:
        return LIBRARY
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        raise StepFailed("there is no C++ compiler", "apt-get install g++, or set CXX")
    _ensure_doctest()
    with step("build native/"):
        _configure(BUILD, "-DCMAKE_BUILD_TYPE=Release", f"-DGODOT={godot.program}")
        _cmake("--build", BUILD, log="cmake-build")
    STAMP.write_text(digest, encoding="utf-8")
    return LIBRARY


def test() -> None:
    """Run the doctest tests through CTest."""
    with step("native tests (CTest)"):
        _ctest(BUILD)


def test_sanitized() -> None:
    """Build the core with the address, leak and undefined-behaviour sanitizers, and run the doctest tests in it."""
    _ensure_doctest()
    with step("native tests with sanitizers"):
        _configure(SANITIZED, "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DSANITIZE=ON", "-DBUILD_EXTENSION=OFF")
        _cmake("--build", SANITIZED, log="cmake-build-sanitized")
        _ctest(SANITIZED)


def doctest_include() -> Path:
    """The folder that holds doctest/doctest.h."""
    system = Path("/usr/include")
    return system if (system / "doctest" / "doctest.h").exists() else DOCTEST / "usr" / "include"


def _ensure_doctest() -> None:
    if not (doctest_include() / "doctest" / "doctest.h").exists():
        DOCTEST.parent.mkdir(parents=True, exist_ok=True)
        debian_suite.unpack(["doctest-dev"], "stable", DOCTEST, dependencies=False)


def _configure(build: Path, *options: str) -> None:
    _cmake(
        "-S",
        SOURCE,
        "-B",
        build,
        "-G",
        "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={FOLDER / 'bin' / 'ninja'}",
        f"-DPython_EXECUTABLE={FOLDER / 'bin' / 'python'}",
        f"-DDOCTEST_INCLUDE_DIR={doctest_include()}",
        *options,
        log="cmake-configure",
    )


def _ctest(build: Path) -> None:
    command: list[str | Path] = [FOLDER / "bin" / "ctest", "--test-dir", build, "--output-on-failure"]
    run([*command, "--timeout", "300"], log="ctest")


def _cmake(*arguments: str | Path, log: str) -> None:
    path = f"{FOLDER / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command: list[str | Path] = [FOLDER / "bin" / "cmake", *arguments]
    run(command, log=log, env={"PATH": path})


def _digest() -> str:
    files = [path for path in SOURCE.rglob("*") if path.is_file()]
    files += [ROOT / "benchmarks" / "raw_forward.cpp", ROOT / "requirements.txt"]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
