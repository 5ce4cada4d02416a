"""What the backend asks of the importer. Only `convert` imports torch; it runs in child processes (child.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from python_backend.child import Report
from python_backend.errors import BackendError


def convert(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """`{key, entry, metadata}` of the artifact that is now in the cache."""
    from importer.cache import Cache
    from importer.key import make_key
    from importer.options import ImportOptions
    from importer.pipeline import convert as convert_file
    from importer.progress import Progress

    def tell(progress: Progress) -> None:
        report(progress.stage, progress.fraction, progress.message)

    source, project = Path(params["source"]), Path(params["project"])
    options = ImportOptions.from_mapping(params["options"])
    if params["allow_pickle"]:
        # The person trusts the bytes that the editor hashed: before code runs, they are read and hashed again.
        _check_key(make_key(source, options, project), params)
    artifact = convert_file(
        source,
        project=project,
        cache=Cache(params["cache"]),
        options=options,
        display_path=params["display_path"],
        allow_pickle=params["allow_pickle"],
        on_progress=tell,
    )
    _check_key(artifact.key, params)
    return {"key": artifact.key, "entry": str(artifact.entry), "metadata": artifact.metadata}


def refuse_early(params: dict[str, Any], go_on: Callable[[], bool]) -> None:
    """Raise what can be said of a file without torch, whose start takes seconds, as long as `go_on` says yes."""
    from importer.options import ImportOptions
    from importer.refusal import refuse_early as refuse

    options = ImportOptions.from_mapping(params["options"])
    refuse(Path(params["source"]), Path(params["project"]), options, params["allow_pickle"], go_on)


def inspect(source: Path) -> dict[str, Any]:
    """All that can be read from a model file of any kind without torch and without running it."""
    from importer import metadata
    from importer.key import hash_file
    from importer.sniff import sniff

    sniffed = sniff(source)
    if sniffed.kind == "pte":
        return metadata.inspect(source)
    origin = {"path": str(source), "kind": sniffed.kind, "sha256": hash_file(source), "size": sniffed.size}
    return {"format": metadata.FORMAT, "name": source.stem, "source": origin}


def is_program(path: Path) -> bool:
    """Whether a file is a `.pte` by its bytes."""
    with path.open("rb") as file:
        return file.read(8)[4:8] == b"ET12"


def validate(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """Run every method of a `.pte` with generated inputs; the median microseconds of each."""
    from importer.pte import read_program
    from importer.validate import Call, run_program

    source = Path(params["source"])
    report("validate", 0.1)
    described = inspect(source)
    calls = [Call(method["name"], inputs=method["inputs"]) for method in described["methods"]]
    return dict(run_program(source, read_program(source), calls).microseconds)


def compare(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """The same random inputs through two programs; see importer.compare_command.compare."""
    from importer.compare_command import compare as compare_programs

    report("validate", 0.1)
    return compare_programs(Path(params["first"]), Path(params["second"]))


def check_options(project: Path, options: dict[str, Any]) -> list[dict[str, str]]:
    """What is wrong with import options, each `{option, cause, remedy}`; empty when nothing is."""
    from importer.errors import ImporterError
    from importer.options import ImportOptions

    try:
        known = ImportOptions.from_mapping(options)
    except ImporterError as error:
        return [{"option": "", "cause": error.cause, "remedy": error.remedy}]
    return [asdict(problem) for problem in known.check(project)]


def graph(payload: Path) -> dict[str, Any]:
    """The operators, delegates and tensors of a program, for the editor's graph view."""
    from importer.graph import graph as graph_of_file

    found: dict[str, Any] = graph_of_file(payload)
    return found


def _check_key(key: str, params: dict[str, Any]) -> None:
    asked = params.get("key") or key
    if key != asked:
        cause = f"{params['display_path']} has the key {key[:12]}, the editor asked for {asked[:12]}."
        remedy = "The file was changed meanwhile, or addon and importer differ in version: import it again."
        raise BackendError("KEY_DIFFERS", cause, remedy, stage="store")
