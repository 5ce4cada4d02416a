"""The packages of the Python side depend on each other in one direction only; imports inside of functions count."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def graph_of(top: str, root: Path = ROOT) -> dict[str, set[str]]:
    """Each folder and each module beside the folders, with those that it imports."""
    parts = {path.stem: {path.stem} for path in (root / top).iterdir() if path.suffix == ".py" or _is_package(path)}
    graph: dict[str, set[str]] = {name: set() for name in parts if name not in ("__init__", "__main__")}
    for path in (root / top).rglob("*.py"):
        name = path.relative_to(root / top).parts[0].removesuffix(".py")
        found = {item.split(".")[1] for item in imported(path) if item.startswith(f"{top}.")}
        if name in graph:
            graph[name] |= found & graph.keys() - {name}
    return graph


def _is_package(path: Path) -> bool:
    return (path / "__init__.py").is_file()


@pytest.mark.parametrize("top", ["importer", "python_backend"])
def test_no_cycle(top: str) -> None:
    graph = graph_of(top)
    order = list(TopologicalSorter(graph).static_order())  # a CycleError names the cycle
    assert len(order) == len(graph) > 5 and any(graph.values())


def test_the_bottom_and_the_top_of_the_importer() -> None:
    graph = graph_of("importer")
    folders = {path.name for path in (ROOT / "importer").iterdir() if _is_package(path)}
    base = {"errors", "options", "paths", "signature", "version", "model", "progress", "atomic_files", "plain_files"}
    assert all(graph[name] <= base for name in base)
    assert {"conversion", "pipeline"} <= graph.keys() - base - folders
    assert not any(graph[name] & {"conversion", "pipeline"} for name in folders - {"jobs", "scheduling", "cli"})
    assert graph["conversion"] >= {"sources", "exporting", "lowering", "proof"}, "imports inside of functions count too"


def test_the_importer_knows_nothing_of_the_backend() -> None:
    for path in (ROOT / "importer").rglob("*.py"):
        assert not [name for name in imported(path) if name.partition(".")[0] in ("python_backend", "tasks", "tests")]


def test_a_cycle_is_found(tmp_path: Path) -> None:
    for name, text in {"one": "def late():\n    from top.two import x\n", "two": "import top.one.module\n"}.items():
        (tmp_path / "top" / name).mkdir(parents=True)
        (tmp_path / "top" / name / "__init__.py").touch()
        (tmp_path / "top" / name / "module.py").write_text(text)
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph_of("top", tmp_path)).static_order())
