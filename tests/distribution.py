"""A pytest plugin: which tests stay together when several processes run them (pytest-xdist, `--dist loadgroup`).

A folder whose cases one Godot runs is one group; every other file is one, so that what it prepares is prepared once.
"""

from __future__ import annotations

import pytest

from tests.godot_cases import GodotItem


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = item.path.parent if isinstance(item, GodotItem) else item.path
        item.add_marker(pytest.mark.xdist_group(group.relative_to(item.config.rootpath).as_posix()))
