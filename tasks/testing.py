"""All checks in one go: formatters, linters, types, native tests, then everything that pytest collects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tasks import native, project
from tasks.console import ROOT, run, step
from tasks.environment import FOLDER

PYTHON_SOURCES = ("dev.py", "tasks", "importer", "python_backend", "tests", "benchmarks", "sample_project/training")
TYPED = ("dev.py", "tasks", "importer", "python_backend")
GDSCRIPT_SOURCES = ("addons/executorch", "sample_project", "tests", "benchmarks")


def run_tests(pytest_arguments: list[str]) -> int:
    """Check and test everything but what is marked slow; further words go to pytest, and then only pytest runs."""
    project.ensure_ready()
    if not pytest_arguments:
        check_sources()
        native.test()
        pytest_arguments = ["-m", "not slow", "--durations=25"]
        if os.environ.get("CI") == "true":
            # A busy machine can starve a child process; what fails twice is wrong. Reruns are counted in the summary.
            pytest_arguments += ["--reruns", "1"]
    sys.stdout.flush()
    return subprocess.call([FOLDER / "bin" / "python", "-m", "pytest", *pytest_arguments], cwd=ROOT)


def check_sources() -> None:
    """Formatters in check mode, linters and types."""
    programs = FOLDER / "bin"
    python = [source for source in PYTHON_SOURCES if (ROOT / source).exists()]
    gdscript = _tracked("*.gd")
    cpp = _tracked("*.cpp", "*.hpp", "*.h")
    with step("ruff"):
        run([programs / "ruff", "check", *python], log="ruff", remedy="ruff check --fix")
        run([programs / "ruff", "format", "--check", *python], log="ruff-format", remedy="ruff format")
    with step("mypy --strict"):
        run([programs / "mypy", "--strict", *(name for name in TYPED if (ROOT / name).exists())], log="mypy")
    with step(f"gdformat and gdlint, {len(gdscript)} files"):
        run([programs / "gdformat", "--check", *gdscript], log="gdformat", remedy="gdformat FILE")
        run([programs / "gdlint", *gdscript], log="gdlint")
    with step(f"clang-format, {len(cpp)} files"):
        run(
            [programs / "clang-format", "--dry-run", "--Werror", *cpp],
            log="clang-format",
            remedy="clang-format -i FILE",
        )


def _tracked(*patterns: str) -> list[Path]:
    """The files of the tree that git knows or could know, so that generated ones are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).exists()]
