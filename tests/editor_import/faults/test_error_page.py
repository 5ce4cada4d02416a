"""Every code that the addon's GDScript makes has a line in docs/errors.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
ADDON = ROOT / "addons" / "executorch"
MADE = re.compile(r'(?:"code":\s*|_?refuse\(\s*|_failed\(\s*|_give_up\(\s*|_fail_all\(\s*|\.fail\(\s*)"([A-Z_]+)"')


def test_no_code_is_missing() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    enum = (ADDON / "runtime" / "library" / "executorch_error.gd").read_text(encoding="utf-8")
    codes = set(re.findall(r"^\t([A-Z_]+) = 0x", enum, re.MULTILINE))
    assert len(codes) > 8
    for folder in ("import", "cache", "backend", "export"):
        for path in (ADDON / "editor" / folder).glob("*.gd"):
            codes |= set(MADE.findall(path.read_text(encoding="utf-8")))
    assert "PYTHON_NOT_FOUND" in codes
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
