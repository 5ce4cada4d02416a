"""The native library, built by CMake from native/ into addons/executorch/bin/."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from tasks import debian_suite
from tasks.console import CACHE, ROOT, StepFailed, run, step
from tasks.cross import targets
from tasks.environment import FOLDER
from tasks.godot import Godot

SOURCE = ROOT / "native"
HOST = targets.host()
BUILD = HOST.build
HEADERS = BUILD / "godot"  # CMake has Godot write its gdextension_interface.h there
SANITIZED = ROOT / "build" / "native-sanitize"
FUZZED = ROOT / "build" / "native-fuzz"
THREAD_SANITIZED = ROOT / "build" / "native-thread"
# The tests in which several threads meet.
THREAD_CASES = (
    "stress*",
    "*version*",
    "*threads*",
    "only calls wait*",
    "*during a call*",
    "sessions of one*",
    "CUSTOM*",
    "*slices*",
    "*sliced run*",
)
# The thread sanitizer cannot follow threads of a fork of a process that had threads.
FORKING_CASE = "two threads may pause each other*"
LIBRARY = HOST.folder / HOST.library
DOCTEST = CACHE / "doctest"


def ensure(godot: Godot) -> Path:
    """Build the library unless it is newer than its sources; returns its path."""
    if LIBRARY.exists() and is_of_these_sources(HOST.stamp):
        return LIBRARY
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        raise StepFailed("there is no C++ compiler", "apt-get install g++, or set CXX")
    _ensure_doctest()
    with step("build native/"):
        options = [f"-DGODOT={godot.program}", f"-DADDON_BIN_DIR={HOST.folder}", "-DEXECUTORCH_ROOT="]
        configure(BUILD, "-DCMAKE_BUILD_TYPE=Release", *options)
        cmake("--build", BUILD, log="cmake-build")
        keep_built_files(BUILD, HOST.folder)
    HOST.stamp.write_text(f"{digest()}\n", encoding="utf-8")
    return LIBRARY


def is_of_these_sources(stamp: Path) -> bool:
    """Whether a build's stamp has the hash of the sources as they are; its first line is that."""
    return stamp.exists() and stamp.read_text(encoding="utf-8").partition("\n")[0] == digest()


def keep_built_files(build: Path, folder: Path) -> None:
    """Remove what an earlier build left in the addon's folder, such as the delegates of another SDK."""
    built = (build / "addon_files.txt").read_text(encoding="utf-8").split("\n")
    for path in folder.iterdir():
        if path.name not in built:
            path.unlink()


def test() -> None:
    """Run the doctest tests through CTest."""
    with step("native tests (CTest)"):
        _ctest(BUILD)


def test_sanitized() -> None:
    """Build the core with the address, leak and undefined-behaviour sanitizers, and run the doctest tests in it."""
    with step("native tests with the address and undefined-behaviour sanitizers"):
        _build_sanitized(SANITIZED, "address,undefined")
        _ctest(SANITIZED)


def fuzzers() -> Path:
    """Build the fuzzers of native/fuzz with clang; returns their folder."""
    if shutil.which("clang++") is None:
        raise StepFailed("there is no clang", "apt-get install clang")
    with step("build native/fuzz"):
        configure(FUZZED, "-DCMAKE_CXX_COMPILER=clang++", "-DFUZZ=ON", "-DBUILD_EXTENSION=OFF")
        cmake("--build", FUZZED, "--target", "fuzzers", log="cmake-build-fuzzers")
    return FUZZED / "fuzz"


def test_threads(seconds: int) -> None:
    """Build the core with the thread sanitizer; run the tests of threads, the stress of all together for so long."""
    with step("native tests with the thread sanitizer"):
        _build_sanitized(THREAD_SANITIZED, "thread")
        _ctest(THREAD_SANITIZED, "-R", "make_models")
        options = f"suppressions={SOURCE / 'tests' / 'tsan.supp'} halt_on_error=1 second_deadlock_stack=1"
        options += " die_after_fork=0"  # a trial's child has threads of its own
        # What is built without the sanitizer (ExecuTorch) is not seen, so its locks are not either: see tsan.supp.
        cases = ",".join(THREAD_CASES)
        # The sanitizer's own dlopen does not look where the program's libraries are.
        places = [THREAD_SANITIZED / "bin", *FOLDER.glob("lib/python*/site-packages/executorch/lib")]
        run(
            [THREAD_SANITIZED / "tests" / "core_tests", f"-tc={cases}", f"-tce={FORKING_CASE}"],
            log="thread-sanitizer",
            env={
                "TSAN_OPTIONS": options,
                "STRESS_SECONDS": str(seconds),
                "LD_LIBRARY_PATH": os.pathsep.join(map(str, places)),
            },
        )


def _build_sanitized(build: Path, sanitizers: str) -> None:
    _ensure_doctest()
    # -O1 builds in half the time of -O2 and runs these tests as fast; names of lines are enough of the debug symbols.
    configure(
        build,
        "-DCMAKE_BUILD_TYPE=None",
        "-DCMAKE_CXX_FLAGS=-O1",
        f"-DSANITIZE={sanitizers}",
        "-DBUILD_EXTENSION=OFF",
        f"-DADDON_BIN_DIR={build / 'bin'}",
    )
    cmake("--build", build, log="cmake-build-sanitized")


def doctest_include() -> Path:
    """The folder that holds doctest/doctest.h."""
    system = Path("/usr/include")
    return system if (system / "doctest" / "doctest.h").exists() else DOCTEST / "usr" / "include"


def _ensure_doctest() -> None:
    if not (doctest_include() / "doctest" / "doctest.h").exists():
        DOCTEST.parent.mkdir(parents=True, exist_ok=True)
        debian_suite.unpack(["doctest-dev"], "stable", DOCTEST, dependencies=False)


def configure(build: Path, *options: str) -> None:
    """Run CMake's configuration of native/ in a folder."""
    cmake(
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


def _ctest(build: Path, *arguments: str) -> None:
    command: list[str | Path] = [FOLDER / "bin" / "ctest", "--test-dir", build, "--output-on-failure"]
    run([*command, "--timeout", "300", *arguments], log="ctest")


def cmake(*arguments: str | Path, log: str) -> None:
    """Run .venv's CMake, which finds .venv's programs."""
    path = f"{FOLDER / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command: list[str | Path] = [FOLDER / "bin" / "cmake", *arguments]
    run(command, log=log, env={"PATH": path})


def digest() -> str:
    """The hash of everything that the native library is built of."""
    files = [path for path in SOURCE.rglob("*") if path.is_file()]
    files += [ROOT / "benchmarks" / name for name in ("raw_forward.cpp", "tokenize_texts.cpp")]
    files += [ROOT / "requirements.txt"]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
