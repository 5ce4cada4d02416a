"""Is this interpreter able to convert models? Answers with the standard library only, importing nothing heavy.

Every problem has a code, a cause and a remedy; the remedy is the very command that mends it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from python_backend import wrong_python

ROOT = Path(__file__).parent.parent
"""The folder that holds `importer/`, `python_backend/` and `requirements.txt`."""

PACKAGE = "godot-executorch"
# What each package is for; without those of "converting" conversions are refused, the others only lack a feature.
PURPOSES = {
    "torch": "converting",
    "executorch": "converting",
    "torchao": "converting",
    "numpy": "converting",
    "psutil": "converting",
    "watchdog": "watching files",
    "mcp": "the MCP server",
}


NICENESS = 19
"""Of all that converts: the editor, and a game that runs from it, go first."""


@dataclass(frozen=True)
class Problem:
    """Something that keeps this interpreter from its work."""

    code: str
    cause: str
    remedy: str

    def data(self) -> dict[str, str]:
        return {"code": self.code, "cause": self.cause, "remedy": self.remedy}


@dataclass(frozen=True)
class Check:
    """One line of `doctor`; `remedy` is empty when all is well."""

    name: str
    ok: bool
    found: str
    remedy: str = ""

    def data(self) -> dict[str, str | bool]:
        return {"name": self.name, "ok": self.ok, "found": self.found, "remedy": self.remedy}


def problems(purpose: str = "converting") -> list[Problem]:
    """The problems for this purpose; empty when there are none. Takes milliseconds."""
    if not wrong_python.is_supported():
        return [Problem(**wrong_python.problem())]
    needed = [package for package, needed_for in PURPOSES.items() if needed_for == purpose]
    missing = [package for package in needed if _is_missing(package)]
    requirements = required_versions()
    wrong = (_version_problem(package, requirements.get(package, "")) for package in needed if package not in missing)
    return [*([_missing_problem(missing, purpose)] if missing else []), *filter(None, wrong)]


def doctor() -> list[Check]:
    """Everything there is to know of this environment; really imports the packages, in a process of their own."""
    version = ".".join(map(str, sys.version_info[:3]))
    supported = wrong_python.is_supported()
    remedy = "" if supported else wrong_python.problem()["remedy"]
    checks = [Check("python", supported, f"{version} at {sys.executable}", remedy)]
    requirements = required_versions()
    for package, purpose in PURPOSES.items():
        missing = _missing_problem([package], purpose) if _is_missing(package) else None
        problem = missing or _version_problem(package, requirements.get(package, ""))
        found = f"{_installed(package) or 'not installed'} (for {purpose})"
        checks.append(Check(package, problem is None, found, problem.remedy if problem else ""))
    if supported and all(check.ok for check in checks if PURPOSES.get(check.name) == "converting"):
        checks.append(_real_import())
    version = importer_version()
    checks.append(
        Check("importer", bool(version), version or "not found", "" if version else "Install the addon again.")
    )
    free = shutil.disk_usage(ROOT).free
    checks.append(Check("disk", free > 1 << 30, f"{free / 1e9:.1f} GB free", "" if free > 1 << 30 else "Free 1 GB."))
    return checks


def importer_version() -> str:
    """The importer's version, or an empty text when there is no importer. Read, not imported."""
    try:
        text = (ROOT / "importer" / "version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    match = re.search(r"""^IMPORTER_VERSION(?:\s*:\s*\w+(?:\[\w+\])?)?\s*=\s*["']?([^"'\s]+)""", text, re.MULTILINE)
    return match.group(1) if match else ""


def required_versions() -> dict[str, str]:
    """`{"torch": "==2.13.0"}` from requirements.txt, or of the installed package; empty where neither is."""
    found = {}
    try:
        lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = _required_by_package()
    for line in lines:
        match = re.match(r"\s*([A-Za-z0-9._-]+)\s*([<>=!~][^#;]*)?", line.partition("#")[0])
        if match:
            found[match.group(1).lower()] = (match.group(2) or "").replace(" ", "")
    return found


def _required_by_package() -> list[str]:
    """What `pip install` of the package installed, without the extras."""
    try:
        return [line for line in metadata.requires(PACKAGE) or [] if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        return []


def install_command(*requirements: str) -> str:
    """The command that installs these requirements into this very interpreter."""
    return f"{quoted(sys.executable)} -m pip install {' '.join(quoted(item) for item in requirements)}"


def install_remedy(*requirements: str) -> str:
    """How to get these requirements: the editor's button, or the command that works for this interpreter."""
    command = wrong_python.setup_command(sys.executable) if is_externally_managed() else install_command(*requirements)
    return f"Press Set Up… in Godot's ExecuTorch panel, or run: {command}"


def is_externally_managed() -> bool:
    """Whether pip refuses to install into this interpreter (PEP 668)."""
    is_venv = sys.prefix != sys.base_prefix
    return not is_venv and (Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").is_file()


def quoted(text: str) -> str:
    """`text` as one word of the platform's shell."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def satisfies(version: str, specifier: str) -> bool:
    """Whether a version fits `==1.2.3` or `>=1.2,<2`; local parts such as `+cpu` do not count."""
    return all(_satisfies_one(_numbers(version), part) for part in specifier.split(",") if part)


def _satisfies_one(version: tuple[int, ...], specifier: str) -> bool:
    match = re.match(r"(==|>=|<=|!=|~=|<|>)(.+)", specifier)
    if not match:
        return True
    operator, wanted = match.group(1), _numbers(match.group(2))
    width = max(len(version), len(wanted))
    left, right = (item + (0,) * (width - len(item)) for item in (version, wanted))
    if operator == "~=":
        return left >= right and version[: len(wanted) - 1] == wanted[:-1]
    comparisons = {"==": left == right, "!=": left != right, ">=": left >= right, "<=": left <= right}
    return {**comparisons, "<": left < right, ">": left > right}[operator]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _is_missing(package: str) -> bool:
    return not _installed(package) or importlib.util.find_spec(package) is None


def _missing_problem(packages: list[str], purpose: str) -> Problem:
    """One problem for all packages that are missing, as one command installs them."""
    named = f"package {packages[0]}" if len(packages) == 1 else f"packages {', '.join(packages)}"
    cause = f"Python at {sys.executable} has no {named} (needed for {purpose})."
    return Problem("PACKAGE_MISSING", cause, _remedy_for_all())


def _version_problem(package: str, specifier: str) -> Problem | None:
    version = _installed(package)
    if satisfies(version, specifier):
        return None
    cause = f"{package} {version} is installed, {package + specifier} is needed (for {PURPOSES[package]})."
    return Problem("PACKAGE_WRONG_VERSION", cause, _remedy_for_all())


def _remedy_for_all() -> str:
    """How to get all requirements: who lacks one package mostly lacks the others too."""
    listed = ROOT / "requirements.txt"
    installed_by_pip = [name + versions for name, versions in required_versions().items()]
    return install_remedy(*(["-r", str(listed)] if listed.is_file() or not installed_by_pip else installed_by_pip))


def _real_import() -> Check:
    code = "import torch, executorch.exir, psutil; print(torch.__version__)"
    again = [name + required_versions().get(name, "") for name in ("torch", "executorch")]
    remedy = install_remedy("--force-reinstall", *again)
    try:
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
            cwd=ROOT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("import torch, executorch", False, str(error), remedy)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or [f"exit status {result.returncode}"])[-1]
        return Check("import torch, executorch", False, last[:500], remedy)
    return Check("import torch, executorch", True, "works")
