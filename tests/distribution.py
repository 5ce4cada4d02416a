"""A pytest plugin: which tests stay together when several processes run them (pytest-xdist, `--dist loadscope`).

A folder whose cases one Godot runs is one group; every other file is one, so that what it prepares is prepared once.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling


class LoadGroups(LoadScopeScheduling):
    """Gives each process a whole group at a time."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.split("::")[0])
        is_godot = path.name == "godot.json" or path.name.endswith("_test.gd")
        return str(path.parent if is_godot else path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadGroups | None:
    return LoadGroups(config, log) if config.getvalue("dist") == "loadscope" else None
