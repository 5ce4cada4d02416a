"""Tasks of the backend that use the importer, except conversions (importer/jobs/conversion.py)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.jobs.child import Report
from importer.plain_files import open_plain


def is_program(path: Path) -> bool:
    """Whether a file is a `.pte` by its bytes."""
    with open_plain(path) as file:
        return file.read(8)[4:8] == b"ET12"


def validate(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """Run every method of a `.pte` with generated inputs; the median microseconds of each."""
    from importer.program import metadata
    from importer.program.program import read_program
    from importer.proof.child_runner import Call, run_program

    source = Path(params["source"])
    report("validate", 0.1)
    described = metadata.inspect(source)
    calls = [Call(method["name"], inputs=method["inputs"]) for method in described["methods"]]
    return dict(run_program(source, read_program(source), calls).microseconds)


def check_options(project: Path, options: dict[str, Any]) -> list[dict[str, str]]:
    """The problems of import options, each `{option, cause, remedy}`."""
    from importer.options import ImportOptions

    try:
        known = ImportOptions.from_mapping(options)
    except ImporterError as error:
        return [{"option": "", "cause": error.cause, "remedy": error.remedy}]
    return [asdict(problem) for problem in known.check(project)]
