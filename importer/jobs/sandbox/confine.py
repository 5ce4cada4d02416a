"""Enters the sandbox, with the first mechanism that this system has."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from importer.errors import ImporterError
from importer.jobs.sandbox.policy import Policy, needed, programs, use_own_folders
from importer.listing import limit_to


def enter(policy: Policy, way: str = "") -> str:
    """Confine this process, which has one thread, and all that it starts. Returns the mechanism: `landlock`,
    `namespaces`, `sandbox-exec`, or an empty text when there is none and the policy does not require one.

    way: only this one. Raises SANDBOX_MISSING, and FACTORY_NEEDS_APPROVAL for code that is not approved.
    """
    failures = []
    for name in [way] if way else _ways():
        try:
            _enter(name, policy)
            limit_to((policy.temporary, *policy.read, *policy.write))
            return name
        except OSError as error:
            failures.append(f"{name}: {error.strerror or error}")
    if policy.required and sys.platform != "win32":
        cause = f"This machine has no sandbox for code of model files ({'; '.join(failures) or 'none is known'})."
        remedy = (
            "Use Linux 5.13 or newer with Landlock. To convert without a sandbox, and trust the files that you "
            "convert, set the variable EXECUTORCH_WITHOUT_SANDBOX=1 or the editor setting "
            "executorch/python/without_sandbox."
        )
        raise ImporterError("SANDBOX_MISSING", cause, remedy, "start")
    if policy.unapproved:
        cause = f"This conversion runs code of the project, and this machine has no sandbox: {policy.unapproved}."
        remedy = (
            "Read the files of the factory and the metric, and the modules beside them. If you trust them, allow this "
            "code to run on this machine without a sandbox: "
            f"`python3 -m importer approve {policy.unapproved}`, or the button in Godot's inspector. After a "
            "change of the code it needs approval again."
        )
        raise ImporterError("FACTORY_NEEDS_APPROVAL", cause, remedy, "start")
    print("This task runs without a sandbox.", file=sys.stderr, flush=True)
    return ""


def prepare() -> None:
    """Do once in a warm parent the work that each of its forks needs."""
    programs()
    needed()
    if sys.platform == "linux":
        from importer.jobs.sandbox import landlock, namespaces, seccomp  # noqa: F401


def _ways() -> list[str]:
    if sys.platform == "linux":
        return ["landlock", "namespaces"]
    return ["sandbox-exec"] if sys.platform == "darwin" else []


def _enter(way: str, policy: Policy) -> None:
    if sys.platform == "linux":
        from importer.jobs.sandbox import landlock, namespaces, seccomp
        from importer.posix import bound_resources

        if not seccomp.is_known_machine():
            raise OSError("this processor is not known")
        if way == "landlock":
            if not landlock.version():
                raise OSError("the kernel does not have it")
            read, write = [*policy.readable(), Path(f"/proc/{os.getpid()}")], policy.writable()
            use_own_folders(policy.temporary)
            landlock.restrict(read, write, programs())
        else:
            namespaces.restrict(policy.readable(), policy.writable(), policy.temporary)
            use_own_folders(policy.temporary)
        seccomp.restrict()
        bound_resources()
    else:
        from importer.jobs.sandbox import macos

        macos.check_confined()
        use_own_folders(policy.temporary)
