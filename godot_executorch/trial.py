"""A program is read and run once in a confined process before it is loaded into this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.jobs.reading import program_files
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.owned_folders import owned_folder, temporary_folder

_starter = starter()


def describe(path: Path, deadline_seconds: float) -> dict[str, Any]:
    """The program's metadata. Raises PTE_INVALID, PROGRAM_FAILED, PROGRAM_CRASHED, OPERATOR_MISSING,
    BACKEND_MISSING and DEADLINE_EXCEEDED."""
    with owned_folder(temporary_folder(), "trial") as temporary:
        supervisor = Supervisor(Limits(deadline_seconds), lambda stage, fraction, message: None, _starter)
        policy = Policy(temporary, program_files(path), (), is_required())
        params = {"path": str(path), "deadline_seconds": deadline_seconds}
        found: dict[str, Any] = supervisor.run("importer.proof.trial:try_program", params, policy)
        return found
