"""Every error code of the runtime has a line in docs/errors.md, and each of ours a test that brings it about."""

from __future__ import annotations

import re

import pytest

from tests.godot_projects import ROOT

NATIVE = re.findall(
    r'^    \{(0x[0-9A-F]+), "(\w+)"', (ROOT / "native/src/core/status.cpp").read_text(encoding="utf-8"), re.MULTILINE
)
GODOT = re.findall(
    r"^\t([A-Z_]+) = (0x2[0-9A-F]+)",
    (ROOT / "addons/executorch/runtime/library/executorch_error.gd").read_text(encoding="utf-8"),
    re.MULTILINE,
)
# Ours begin at 0x100; docs/errors.md says of ExecuTorch's own when they can still be seen.
OURS = [name for number, name in NATIVE if int(number, 16) >= 0x100] + [name for name, _ in GODOT]
EXECUTORCHS = [name for number, name in NATIVE if int(number, 16) < 0x100]


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.fixture(scope="module")
def tests_text() -> str:
    """Tests in GDScript name a code as users see it, tests in C++ by its enumerator."""
    files = [*(ROOT / "tests").rglob("*_test.gd"), *(ROOT / "native" / "tests").glob("*.cpp")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_the_tables_are_found() -> None:
    assert len(OURS) == 21 + 22
    assert len(EXECUTORCHS) >= 16


@pytest.mark.parametrize("name", OURS + EXECUTORCHS)
def test_a_code_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OURS)
def test_a_code_is_brought_about(name: str, tests_text: str) -> None:
    assert re.search(rf"\b{name}\b|Code::{_camel(name)}\b", tests_text)
