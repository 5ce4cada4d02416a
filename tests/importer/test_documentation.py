"""docs/importer.md: its table of recipes is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from importer import recipes
from importer.options import RECIPES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "importer.md").read_text(encoding="utf-8")


def test_the_table_of_recipes() -> None:
    found = dict(re.findall(r"^\| `(\w+)` \| .*? \| ([\d.]+) \|$", PAGE, re.MULTILINE))
    assert tuple(found) == RECIPES
    for name in RECIPES[1:]:
        assert float(found[name]) == recipes.get(name).relative
