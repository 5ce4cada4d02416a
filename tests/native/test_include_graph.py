"""The packages of native/src form a graph without a cycle, and the systems' differences stay in one of them."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.godot_projects import ROOT

SOURCE = ROOT / "native" / "src"
INCLUDE = re.compile(r'^#include "((?:core|godot)/[^"]+)"', re.MULTILINE)
# Headers of one system. What they do is behind core/platform's own headers.
SYSTEM_HEADERS = re.compile(
    r"^#include <(unistd|fcntl|dlfcn|signal|malloc|pthread|windows|sys/\w+|mach/\w+|mach-o/\w+|malloc/\w+)(\.h)?>",
    re.MULTILINE,
)
SYSTEM_MACROS = re.compile(r"^#\s*(?:if|elif|ifdef|ifndef).*\b(_WIN32|__linux__|__APPLE__|__ANDROID__)\b", re.MULTILINE)
MOST_FILES = 15
MOST_LINES = 400


def _files() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*") if path.suffix in (".h", ".cpp"))


def _package(path: Path) -> str:
    return path.parent.as_posix()


def _graph() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for path in _files():
        package = _package(path.relative_to(SOURCE))
        includes = (_package(Path(name)) for name in INCLUDE.findall(path.read_text(encoding="utf-8")))
        graph.setdefault(package, set()).update(name for name in includes if name != package)
    return graph


def test_the_packages_are_found() -> None:
    graph = _graph()
    assert {"core/session", "core/platform", "godot/binding"} <= graph.keys()
    assert "core/program" in graph["core/session"]


def test_a_cycle_would_be_found() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


def test_no_package_needs_one_that_needs_it() -> None:
    TopologicalSorter(_graph()).prepare()


def test_the_core_does_not_know_godot() -> None:
    assert not [package for package, needs in _graph().items() if package.startswith("core") and "godot" in str(needs)]


@pytest.mark.parametrize("pattern", [SYSTEM_HEADERS, SYSTEM_MACROS], ids=["headers", "macros"])
def test_what_systems_do_differently_is_in_platform(pattern: re.Pattern[str]) -> None:
    platform = SOURCE / "core" / "platform"
    with_system = {path for path in _files() if pattern.search(path.read_text(encoding="utf-8"))}
    assert not [str(path) for path in with_system if not path.is_relative_to(platform)]
    assert pattern is SYSTEM_MACROS or with_system


def test_folders_and_files_stay_small() -> None:
    """A header and its source count as one."""
    pairs: dict[Path, int] = {}
    for path in _files():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        pairs[path.with_suffix("")] = pairs.get(path.with_suffix(""), 0) + lines
    assert not {str(pair): lines for pair, lines in pairs.items() if lines >= MOST_LINES}
    folders = {pair.parent for pair in pairs}
    assert not [str(folder) for folder in folders if sum(pair.parent == folder for pair in pairs) > MOST_FILES]
