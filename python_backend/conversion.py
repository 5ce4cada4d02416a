"""The jobs that use the importer; they run in child processes (child.py), so torch is imported there only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from python_backend.child import Report


def convert(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """`{key, entry, metadata}` of the artifact that is now in the cache."""
    import importer

    result: dict[str, Any] = importer.convert(
        Path(params["source"]),
        project=Path(params["project"]),
        cache=Path(params["cache"]),
        key=params["key"],
        options=params["options"],
        display_path=params["display_path"],
        allow_pickle=params["allow_pickle"],
        report=report,
    )
    return result


def inspect(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """The metadata of a model file of any kind."""
    import importer

    report("read", 0.0)
    result: dict[str, Any] = importer.inspect(Path(params["source"]))
    return result


def check_options(source: Path, project: Path, options: dict[str, Any]) -> list[dict[str, str]]:
    """What is wrong with import options; empty when nothing is."""
    import importer

    found: list[dict[str, str]] = importer.check_options(source, project, options)
    return found


def graph(payload: str) -> dict[str, Any]:
    """The operators, delegates and tensors of a program, for the editor's graph view."""
    import importer

    found: dict[str, Any] = importer.graph(Path(payload))
    return found
