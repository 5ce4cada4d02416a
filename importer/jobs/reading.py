"""Tasks that read a model file without torch, in a confined process: its kind, its contents, its graph."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from importer.cache.cache_key import external_files
from importer.errors import ImporterError
from importer.jobs.child import Report
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import Starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.owned_folders import owned_folder, temporary_folder
from importer.program.beside import described, metadata_files

READ_LIMITS = Limits(5.0, 1 << 30)


def read(
    task: str,
    files: Sequence[Path],
    starter: Starter,
    limits: Limits = Limits(60.0, 4 << 30),  # noqa: B008
    cancelled: threading.Event | None = None,
) -> Any:
    """Run a task of this module on files. Raises its errors and those of a job."""
    paths = [path.absolute() for path in files]
    beside = (file for path in paths if path.suffix.lower() == ".pte" for file in program_files(path))
    with owned_folder(temporary_folder(), "read") as temporary:
        policy = Policy(temporary, (*paths, *beside), (), is_required())
        supervisor = Supervisor(limits, lambda stage, fraction, message: None, starter, cancelled)
        return supervisor.run(f"{__name__}:{task}", {"files": [str(path) for path in paths]}, policy)


def program_files(path: Path) -> tuple[Path, ...]:
    """A program, and beside it its external weights and its metadata."""
    return (path, *external_files(path), path.with_suffix(".ptd"), *metadata_files(path))


def inspect(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """All that can be read from a model file of any kind without torch and without running it."""
    from importer.cache.cache_key import hashed
    from importer.program import metadata
    from importer.sources.file_kind import recognise

    (source,) = map(Path, params["files"])
    file_kind = recognise(source)
    if file_kind.kind == "pte":
        return described(source)
    origin = {"path": str(source), "kind": file_kind.kind, "sha256": hashed(source), "size": file_kind.size}
    return {"format": metadata.FORMAT, "name": source.stem, "source": origin}


def inspect_program(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """The metadata of a `.pte`. Raises PTE_INVALID."""
    return described(Path(params["files"][0]))


def kinds(params: dict[str, Any], report: Report) -> list[dict[str, Any]]:
    """`{kind, size, problem}` of each file; problem says why it is not a model."""
    from importer.sources.file_kind import recognise

    found: list[dict[str, Any]] = []
    for path in map(Path, params["files"]):
        try:
            file_kind = recognise(path)
            found.append({"kind": file_kind.kind, "size": file_kind.size, "problem": ""})
        except ImporterError as error:
            found.append({"kind": "", "size": _size(path), "problem": error.cause})
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a link that leads nowhere
        return 0


def graph(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """The operators, delegates and tensors of a program, for the editor's graph view."""
    from importer.program.graph import graph as graph_of_file

    return dict(graph_of_file(Path(params["files"][0])))


def refuse_early(params: dict[str, Any], report: Report) -> None:
    """Raise the errors that can be found without torch, whose start takes seconds."""
    from importer.options import ImportOptions
    from importer.sources.early_checks import refuse_early as refuse

    project = Path(params["project"]) if params["project"] else None
    options = ImportOptions.from_mapping(params["options"])
    python_files = [Path(path) for path in params["python_files"]]
    refuse(Path(params["source"]), project, options, params["allow_pickle"], python_files=python_files)
