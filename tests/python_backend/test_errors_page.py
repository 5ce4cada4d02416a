"""docs/errors.md has every code of the backend."""

from __future__ import annotations

import errno
import re

from importer.errors import ImporterError, from_exception
from tests.python_backend.editor import ROOT

GIVEN = re.compile(r"""(?:ImporterError|SetupError|Problem)\(\s*"([A-Z][A-Z_]+)"|"code": "([A-Z_]+)"|"([A-Z_]{6,}): """)


def test_every_code_is_on_the_page() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    known = set(re.findall(r"`([A-Z][A-Z_]+)`", page))
    given = set()
    for path in (ROOT / "python_backend").rglob("*.py"):
        for groups in GIVEN.findall(path.read_text(encoding="utf-8")):
            given |= {code for code in groups if code}
    assert len(given) > 35
    assert given - known == set()


def test_exceptions_become_errors_with_a_remedy() -> None:
    cases = {
        "DISK_FULL": OSError(errno.ENOSPC, "No space left on device", "/x"),
        "OUT_OF_MEMORY": MemoryError(),
        "BROKEN_PACKAGE": ImportError("libx.so: cannot open", name="torch"),
        "INTERNAL_ERROR": ValueError("x"),
        "MINE": ImporterError("MINE", "cause", "remedy"),
    }
    for code, error in cases.items():
        found = from_exception(error, stage="lower")
        assert (found.code, found.stage) == (code, "lower")
        assert found.cause
        assert found.remedy
