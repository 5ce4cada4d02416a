"""Every test that docs/traps.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tests_of_the_traps_are_there() -> None:
    page = (ROOT / "docs" / "traps.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    files = [path for kind in ("*.py", "*.gd") for path in (ROOT / "tests").rglob(kind)]
    defined = {name for path in files for name in re.findall(r"\b(?:def|func) (test_\w+)", path.read_text("utf-8"))}
    assert len(named) > 30 and named <= defined, named - defined
