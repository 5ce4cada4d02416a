"""A warm parent on whose machine there is no sandbox: its forks find no way to enter one."""

from __future__ import annotations

from importer.jobs import light, warm
from importer.jobs.sandbox import confine


def warm_up() -> None:
    confine._ways = list  # type: ignore[assignment]
    warm.warm_up()
    light.warm_up()
