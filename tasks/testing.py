"""All checks: formatters, linters, types, native tests, then everything that pytest collects."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tasks import gdscript_checks, native, project
from tasks.console import ROOT, StepFailed, run, step
from tasks.environment import FOLDER

PROGRAMS = FOLDER / "bin"
PYTHON_SOURCES = (
    "dev.py",
    "tasks",
    "godot_executorch",
    "importer",
    "python_backend",
    "tests",
    "benchmarks",
    "sample_project/training",
)
SYSTEMS = ("linux", "darwin", "win32")
TYPED = ("dev.py", "tasks", "godot_executorch", "importer", "python_backend")
GDSCRIPT_SOURCES = ("addons/executorch", "sample_project", "tests", "benchmarks")


def run_tests(pytest_arguments: list[str]) -> int:
    """Check and test everything that is not marked slow. Further words go to pytest, and then only pytest runs."""
    project.ensure_ready()
    if not pytest_arguments:
        check_sources()
        # One process more than cores, because many tests wait for Godot; a file's tests stay together.
        processes = str((os.cpu_count() or 1) + 1)
        pytest_arguments = ["-m", "not slow", "--durations=25", "-n", processes, "--dist", "loadscope"]
        if os.environ.get("CI") == "true":
            # A busy machine can starve a child process; what fails thrice is wrong. The summary names what was rerun.
            pytest_arguments += ["--reruns", "2", "--reruns-delay", "5", "-rfER"]
    sys.stdout.flush()
    return subprocess.call([FOLDER / "bin" / "python", "-m", "pytest", *pytest_arguments], cwd=ROOT)


def check_sources() -> None:
    """Formatters in check mode, linters, types and the native tests, side by side. Raises the first StepFailed."""
    _run_side_by_side(native.test, *_linters())


def lint() -> None:
    """Formatters in check mode, linters and types alone. Raises the first StepFailed."""
    _run_side_by_side(*_linters())


def _linters() -> tuple[Callable[[], None], ...]:
    types = [partial(_check_types, system) for system in SYSTEMS]
    return _check_gdscript, *types, _check_cpp, _check_python


def _run_side_by_side(*checks: Callable[[], None]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(check) for check in checks]:
            done.result()


def _check_python() -> None:
    python = [source for source in PYTHON_SOURCES if (ROOT / source).exists()]
    with step("ruff"):
        run([PROGRAMS / "ruff", "check", *python], log="ruff", remedy="ruff check --fix")
        run([PROGRAMS / "ruff", "format", "--check", *python], log="ruff-format", remedy="ruff format")


def _check_types(system: str) -> None:
    """As on that system: there a use of what only others have is an error."""
    sources = [name for name in TYPED if (ROOT / name).exists()]
    with step(f"mypy --strict, {system}"):
        command: list[str | Path] = [PROGRAMS / "mypy", "--strict", "--platform", system]
        run([*command, "--cache-dir", ROOT / ".mypy_cache" / system, *sources], log=f"mypy-{system}")


def _check_gdscript() -> None:
    gdscript = _tracked("*.gd")
    with step(f"gdformat and gdlint, {len(gdscript)} files"):
        run([PROGRAMS / "gdformat", "--check", *gdscript], log="gdformat", remedy="gdformat FILE")
        run([PROGRAMS / "gdlint", *gdscript], log="gdlint")
    with step("unused preloads"):
        unused = gdscript_checks.unused_preloads(gdscript)
        if unused:
            raise StepFailed("unused preloads:\n" + "\n".join(unused), "Delete the constants.")


def _check_cpp() -> None:
    cpp = _tracked("*.cpp", "*.hpp", "*.h")
    with step(f"clang-format, {len(cpp)} files"):
        run(
            [PROGRAMS / "clang-format", "--dry-run", "--Werror", *cpp],
            log="clang-format",
            remedy="clang-format -i FILE",
        )


def _tracked(*patterns: str) -> list[Path]:
    """The files of the tree that git tracks or would track; generated files are excluded."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).exists()]
