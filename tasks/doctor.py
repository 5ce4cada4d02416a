"""What is installed, what is missing, and the command that installs it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass

from tasks import environment, godot, native, project
from tasks.console import StepFailed


@dataclass(frozen=True)
class Finding:
    """One requirement, and what was found."""

    name: str
    found: str  # empty when missing
    remedy: str


def run_doctor() -> int:
    """Print every finding; the exit status is 1 when something is missing."""
    findings = examine()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "ok     " if finding.found else "missing"
        print(f"{mark}  {finding.name:<{width}}  {finding.found or finding.remedy}")
    return 0 if all(finding.found for finding in findings) else 1


def examine() -> list[Finding]:
    """Check every requirement. Makes, fetches and changes nothing."""
    return [
        _python(),
        _program("C++ compiler", os.environ.get("CXX", "g++"), "apt-get install g++"),
        _program("git", "git", "apt-get install git"),
        Finding("Python packages", str(environment.FOLDER) if environment.is_ready() else "", "python3 dev.py build"),
        _godot(),
        Finding("native library", str(native.LIBRARY) if native.LIBRARY.exists() else "", "python3 dev.py build"),
        Finding(
            "sample project",
            "linked" if (project.SAMPLE / "addons" / "executorch" / "plugin.cfg").exists() else "",
            "python3 dev.py build",
        ),
        _program("virtual screen (for shots)", "Xvfb", "apt-get install xvfb"),
    ]


def _python() -> Finding:
    try:
        environment.check_python()
    except StepFailed as error:
        return Finding("Python", "", f"{error.cause}: {error.remedy}")
    return Finding("Python", sys.version.split()[0], "")


def _program(name: str, program: str, remedy: str) -> Finding:
    return Finding(name, shutil.which(program) or "", remedy)


def _godot() -> Finding:
    try:
        found = godot.find()
    except StepFailed as error:
        return Finding("Godot", "", f"{error.cause}: {error.remedy}")
    return Finding("Godot", f"{found.version} ({found.program})" if found else "", "python3 dev.py build")
