"""The importer's modules import each other in one direction only, late imports inside of functions included."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "importer"


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, module = node.module.partition(".")
            if package == FOLDER.name:
                found |= {module} if module else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("importer.")}
    return found


def test_no_circles() -> None:
    modules = {path.stem: path for path in FOLDER.glob("*.py")}
    graph = {name: imported(path) & modules.keys() for name, path in modules.items()}
    assert len(graph) > 40 and "samples" in graph["calibration"] and "quantize" in graph["recipes"]
    order = list(TopologicalSorter(graph).static_order())  # a CycleError names the circle
    assert order.index("errors") < order.index("pipeline")
