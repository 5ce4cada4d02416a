"""The preparation of the parent of light tasks: the readers of model files, without torch."""

from __future__ import annotations


def warm_up() -> None:
    import importer.jobs.reading
    import importer.program.graph
    import importer.program.metadata
    import importer.sources.early_checks  # noqa: F401
