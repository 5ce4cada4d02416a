"""Every public member of the classes that a game sees has a documentation comment and a Godot test that uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.godot_projects import ROOT

RUNTIME = ROOT / "addons" / "executorch" / "runtime"
TASKS = ROOT / "addons" / "executorch" / "tasks"
CLASSES = sorted(
    path
    for path in [*RUNTIME.rglob("*.gd"), *TASKS.rglob("*.gd")]
    if not {"mcp", "telemetry"} & {*path.parts} and re.search(r"^class_name ExecuTorch", path.read_text(), re.M)
)
MEMBER = re.compile(
    r"^(?:@export\S*(?:\([^)]*\))? )?(?:static )?(func|var|signal|const|enum) ([A-Za-z][A-Za-z0-9_]*)", re.MULTILINE
)
ENUM_VALUE = re.compile(r"^\t([A-Z][A-Z0-9_]*)(?: = |,|$)")
# Constants that only load a script of the same folder, and short names of enum values that have their own comment.
PRELOAD = re.compile(r"^const \w+ :?= preload\(")
ALIAS = re.compile(r"^const (\w+): \w+ = \w+\.\1$")

# What one part of the addon offers another says so in its comment.
FOR_THE_ADDON = re.compile(r"For the addon: ")


def _members(path: Path) -> list[tuple[str, int]]:
    """Names and line numbers of the public members, with the values of enums."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found: list[tuple[str, int]] = []
    in_enum = False
    for number, line in enumerate(lines):
        match = MEMBER.match(line)
        if match and not PRELOAD.match(line) and not ALIAS.match(line):
            found.append((match[2], number))
        in_enum = line.startswith("enum ") or (in_enum and line != "}")
        value = ENUM_VALUE.match(line)
        if in_enum and value:
            found.append((value[1], number))
    return found


def _comment(lines: list[str], number: int) -> str:
    """The documentation comment above a member; empty when there is none."""
    first = number
    while first > 0 and lines[first - 1].strip().startswith("##"):
        first -= 1
    return " ".join(line.strip().removeprefix("##").strip() for line in lines[first:number])


@pytest.fixture(scope="module")
def test_sources() -> str:
    """All GDScript of the tests, with what Godot reaches by name."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.gd")))


def test_there_are_classes() -> None:
    names = {path.stem for path in CLASSES}
    assert {"executorch_resource", "executorch_runtime", "executorch_node", "executorch_tensor"} <= names
    assert {"executorch_error", "executorch_call"} <= names
    assert {name for name, _ in _members(RUNTIME / "library" / "executorch_error.gd")} >= {
        "OK",
        "Code",
        "cause",
        "report",
    }


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_public_members_are_documented(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("## ") for line in lines[:8]), "the class has no description"
    bare = [f"{path.name}:{number + 1}: {name}" for name, number in _members(path) if not _comment(lines, number)]
    assert bare == []


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_public_members_are_used_by_tests(path: Path, test_sources: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    unused = [
        name
        for name, number in _members(path)
        if not FOR_THE_ADDON.match(_comment(lines, number)) and not re.search(rf"\b{name}\b", test_sources)
    ]
    assert unused == []


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_private_members_are_not_in_the_help(path: Path) -> None:
    """Godot's help leaves out a private member unless it has a documentation comment."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^##[^\n]*\n(?:static )?(?:var|func|const|signal) (_\w+)", text, re.MULTILINE) == []
