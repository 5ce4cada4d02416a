"""The addon's folders depend on each other in one direction: by `preload`, `load`, `extends` and class names."""

from __future__ import annotations

import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.godot_projects import ROOT

ADDON = ROOT / "addons/executorch"
MOST_FILES = 15
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_SCRIPT = re.compile(r'(?:preload|load|extends)[ (]\s*"([^"]+\.gd)"')
_NAMED = re.compile(r'"res://addons/executorch/([^"]+\.gd)"')
_CLASS = re.compile(r"^class_name (\w+)", re.MULTILINE)
_WORD = re.compile(r"\b[A-Z]\w+\b")
# A game without these files runs: they are loaded by path, and only when they are there.
OPTIONAL = {
    "runtime/mcp/executorch_mcp_server.gd",
    "runtime/mcp/tools/mcp_tools.gd",
    "runtime/loading/live_reload.gd",
    "runtime/telemetry/model_monitors.gd",
    "runtime/telemetry/telemetry.gd",
}
# A public value, which lies with the public classes and is used by the folders that these use: a package of its own.
ALONE = {"runtime/executorch_tensor.gd"}


def code_of(text: str) -> str:
    """The text without comments; strings stay, as they name scripts."""
    lines = []
    for line in text.splitlines():
        kept = _STRING.sub(lambda found: "s" * len(found[0]), line)
        lines.append(line[: kept.index("#")] if "#" in kept else line)
    return "\n".join(lines)


def dependencies(folder: Path) -> dict[str, set[str]]:
    """For each script (its path below the addon) the scripts that it names."""
    texts = {path: code_of(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.gd"))}
    classes = {found[1]: path for path, text in texts.items() if (found := _CLASS.search(text))}
    graph: dict[str, set[str]] = {}
    for path, text in texts.items():
        named = {folder / part for part in _NAMED.findall(text)}
        named |= {(path.parent / part).resolve() for part in _SCRIPT.findall(text) if not part.startswith("res://")}
        named |= {classes[word] for word in _WORD.findall(_STRING.sub('""', text)) if word in classes}
        names = {other.resolve().relative_to(folder.resolve()).as_posix() for other in named - {path}}
        graph[path.relative_to(folder).as_posix()] = names
    return graph


def packages(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path, names in graph.items():
        package = package_of(path)
        found[package] |= {package_of(name) for name in names - OPTIONAL} - {package}
    return found


def package_of(path: str) -> str:
    return path if path in ALONE else Path(path).parent.as_posix()


@pytest.mark.parametrize("part", ["editor", "runtime", "tasks"])
def test_no_package_depends_on_itself_through_others(part: str) -> None:
    graph = packages(dependencies(ADDON))
    assert "editor/shared" in graph["editor/inspector"] and "runtime" in graph["editor/export"]
    graph = {package: names for package, names in graph.items() if package.startswith(part) or package == "."}
    list(TopologicalSorter(graph).static_order())  # a CycleError names the circle


def test_the_runtime_names_nothing_of_the_editor() -> None:
    graph = dependencies(ADDON)
    named = {path: names for path, names in graph.items() if path.startswith("runtime/")}
    assert len(named) > 30
    assert not {path: names for path, names in named.items() if any(not name.startswith("runtime/") for name in names)}


def test_the_tasks_name_only_the_runtime() -> None:
    graph = dependencies(ADDON)
    named = {path: names for path, names in graph.items() if path.startswith("tasks/")}
    assert any("runtime/executorch_node.gd" in names for names in named.values())
    allowed = ("tasks/", "runtime/")
    assert not {path: names for path, names in named.items() if any(not name.startswith(allowed) for name in names)}


def test_what_a_release_has_needs_nothing_that_it_lacks() -> None:
    """The export leaves these out; a script that preloads one of them would not compile in an exported game."""
    plugin = (ADDON / "editor/export/payload_export_plugin.gd").read_text(encoding="utf-8")
    (debug_only,) = re.findall(r"^const DEBUG_ONLY: PackedStringArray = \[(.*)\]$", plugin, re.MULTILINE)
    (mcp,) = re.findall(r'^const MCP: String = "(.*)"$', plugin, re.MULTILINE)
    left_out = ("editor/", mcp, *re.findall(r'"([^"]+)"', debug_only))
    assert len(left_out) == 4
    graph = dependencies(ADDON)
    kept = [path for path in graph if path.startswith(("runtime/", "tasks/")) and not path.startswith(left_out)]
    assert len(kept) > 50
    wrong = []
    for path in kept:
        text = code_of((ADDON / path).read_text(encoding="utf-8"))
        for part in re.findall(r'(?:preload|extends)[ (]\s*"([^"]+\.gd)"', text):
            inside = part.removeprefix("res://addons/executorch/")
            place = inside if inside != part else ((ADDON / path).parent / part).resolve().relative_to(ADDON).as_posix()
            wrong += [(path, place)] if place.startswith(left_out) else []
    assert wrong == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/one.gd").write_text('class_name One\nvar other := preload("../b/two.gd")\n', encoding="utf-8")
    (tmp_path / "b/two.gd").write_text('# One is not named here\nconst ONE := "One # One"\n', encoding="utf-8")
    assert packages(dependencies(tmp_path)) == {"a": {"b"}, "b": set()}
    (tmp_path / "b/two.gd").write_text("var one: One\n", encoding="utf-8")
    assert packages(dependencies(tmp_path)) == {"a": {"b"}, "b": {"a"}}


def test_the_editor_adds_no_names_to_projects() -> None:
    """A script with `class_name` is offered in every script of the project; the editor's parts preload each other."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ADDON / "editor").rglob("*.gd")}
    assert len(texts) > 80 and not [str(path) for path, text in texts.items() if _CLASS.search(text)]


@pytest.mark.parametrize("part", ["editor", "runtime", "tasks"])
def test_folders_stay_small(part: str) -> None:
    counts: dict[str, int] = defaultdict(int)
    for path in (ADDON / part).rglob("*.gd"):
        counts[path.parent.relative_to(ADDON).as_posix()] += 1
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}
