"""`convert --in-git`: whether git has the programs that were written, for the hook of pre-commit.

pre-commit itself fails a commit when a hook changes a file that git has, but not when the hook makes a new one.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from importer.errors import ImporterError

_WRITTEN = (".pte", ".ptd", ".tres", ".json")


def missing(programs: Iterable[Path]) -> list[Path]:
    """The programs, and the files beside them that were written with them, that git neither has nor ignores. Raises
    OPTION_INVALID."""
    found = []
    for program in programs:
        for name in _others(program.parent):
            path = program.parent / name
            if path.parent == program.parent and name.startswith(f"{program.stem}.") and path.suffix in _WRITTEN:
                found.append(path)
    return found


def _others(folder: Path) -> list[str]:
    command = ["git", "-C", str(folder), "ls-files", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else error
        cause = f"--in-git asks git about {folder}, and git does not answer: {str(reason).strip()[:300]}"
        raise ImporterError("OPTION_INVALID", cause, "Use it inside of a git repository, or leave it out.") from error
    return [name.decode(errors="surrogateescape") for name in done.stdout.split(b"\0") if name]
