"""The sandbox of macOS: a profile for `sandbox-exec`, in which the process is started. Written, never run so far."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from importer.jobs.sandbox.policy import Policy

_PROGRAM = "/usr/bin/sandbox-exec"
_MARK = "EXECUTORCH_STARTED_CONFINED"


def command(policy: Policy) -> list[str]:
    """The beginning of the command of a process that is to be confined."""
    return [_PROGRAM, "-p", profile(policy), "/usr/bin/env", f"{_MARK}=1"]


def check_confined() -> None:
    """Raises OSError when this process was not started in a sandbox."""
    if os.environ.pop(_MARK, "") != "1":
        raise OSError("the process was not started by sandbox-exec")


def profile(policy: Policy) -> str:
    """Allows computing, the files of the policy, and threads and forks of its own; nothing else."""
    system = ("/System", "/Library/Frameworks", "/private/var/db/dyld", "/dev/urandom", "/dev/random", "/dev/zero")
    read = [*policy.readable(), *map(Path, system)]
    return "\n".join(
        [
            "(version 1)",
            "(deny default)",
            "(allow process-fork)",
            "(allow process-exec (literal " + _quoted(os.path.realpath(sys.executable)) + ') (literal "/usr/bin/env"))',
            "(allow sysctl-read)",
            '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
            "(allow signal (target same-sandbox))",
            "(allow file-read-metadata)",
            f"(allow file-read* {_rules(read)})",
            f"(allow file-read* file-write* {_rules(policy.writable())})",
            "",
        ]
    )


def _rules(paths: list[Path]) -> str:
    kinds = ((path.resolve(), "subpath" if path.is_dir() else "literal") for path in paths)
    return " ".join(f"({kind} {_quoted(str(path))})" for path, kind in kinds)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
