"""The check for preloads that nothing uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.gdscript_checks import unused_preloads


@pytest.mark.parametrize("named", ["base.gd", "res://base.gd"])
def test_unused_preloads_are_found(tmp_path: Path, named: str) -> None:
    base, child, other = tmp_path / "base.gd", tmp_path / "child.gd", tmp_path / "other.gd"
    base.write_text(
        'const Used := preload("a.gd")\nconst Unused = preload("b.gd")\nconst Inherited := preload("c.gd")\n'
        'const Reached := preload("d.gd")\n# Unused is only named here.\nvar one := Used.new()\n',
        encoding="utf-8",
    )
    child.write_text(f'extends "{named}"\nvar two := Inherited.new()\n', encoding="utf-8")
    other.write_text('const Base := preload("base.gd")\nvar three := Base.Reached.new()\n', encoding="utf-8")
    assert unused_preloads([base, child, other]) == [f"{base}: Unused"]
