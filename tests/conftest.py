"""Fixtures that all tests share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks import godot as godot_task
from tasks.cross import extension_file
from tests import godot_projects, model_sources
from tests.godot_projects import GodotProject

# Projects of tests share a cache of artifacts, and each is a person's of its own.
os.environ["EXECUTORCH_CACHE_SIGNING_KEY"] = "5e" * 32

pytest_plugins = ["tests.godot_cases", "tests.distribution"]

# What a machine of CI may lack; every other skip is a failure there.
MAY_LACK = re.compile(r"there is no (system )?Python|the system's Python has|cannot be fetched|could not install")


def pytest_sessionstart() -> None:
    """Godot finds the library by a file that is not in the tree."""
    extension_file.write()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not MAY_LACK.search(reason):
            report.outcome = "failed"
            report.longrepr = f"skipped on a machine that could run it: {reason}"
    return report


@pytest.fixture(scope="session")
def godot() -> Path:
    """The Godot editor's program."""
    return godot_task.ensure().program


@pytest.fixture(scope="session")
def models() -> Path:
    """A folder of small source models (tests/model_sources.py), made once."""
    return model_sources.ensure()


@pytest.fixture(scope="session")
def artifact_cache() -> Path:
    """The artifact cache that all test projects share."""
    return model_sources.artifact_cache()


@pytest.fixture
def project(tmp_path: Path, godot: Path) -> Callable[..., GodotProject]:
    """Make temporary Godot projects: `project(name="a", cache=None)`."""

    def make(name: str = "project", cache: Path | str = "res://.godot/executorch_cache") -> GodotProject:
        return godot_projects.make(tmp_path / name, godot, cache)

    return make
