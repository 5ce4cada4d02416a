"""The ExecuTorch that a target is built against: its wheel, or a folder that a person names."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tasks.console import CACHE, LOGS, ROOT, StepFailed, step, version_tuple
from tasks.cross.targets import Target
from tasks.environment import PYTHON

FOLDER = CACHE / "sdk"
_PARTS = ("executorch/include/", "executorch/lib/", "executorch/share/")
_FORMS = {
    "lib/cmake/executorch/executorch-config-version.cmake": re.compile(r'EXECUTORCH_BUILD_VERSION "([^"]+)"'),
    "include/executorch/runtime/core/version.h": re.compile(r'#define ET_VERSION "([^"]+)"'),
}
"""Where a wheel and an installed ExecuTorch have their version."""


def ensure(target: Target) -> Path:
    """The unpacked wheel of a target, downloaded if it is not there: the folder with `include` and `lib`."""
    wanted = pinned_version()
    unpacked = FOLDER / f"{target.name}-{wanted}"
    if not unpacked.exists():
        wheel = download(target, wanted)
        with step(f"unpack {wheel.name}"):
            _unpack(wheel, unpacked)
    return unpacked / "executorch"


def download(target: Target, version: str) -> Path:
    """The wheel of a target. Raises StepFailed with the package and the platform tag when pip cannot get it."""
    folder = FOLDER / "wheels" / target.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", python, "--implementation", "cp", "-d", folder]
    for tag in target.wheel_tags:
        command += ["--platform", tag]
    with step(f"download executorch {version} for {target.name}"):
        words = [str(word) for word in (*command, f"executorch=={version}")]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "pip-sdk.log"
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    found = sorted(folder.glob("executorch-*.whl"))
    if done.returncode != 0 or not found:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise StepFailed(
            f"pip could not download executorch=={version} for the platform {target.wheel_tags[0]}, "
            f"Python {python}: {reason}",
            "check the access to the package index, or name a folder with that SDK: --executorch PREFIX",
            log,
        )
    return found[0]


def check(folder: Path) -> str:
    """The version of an SDK. Raises StepFailed for what is not one, and for another minor version than ours."""
    found = next(filter(None, (_version(folder / file, line) for file, line in _FORMS.items())), "")
    if not found:
        forms = " nor ".join(_FORMS)
        raise StepFailed(
            f"{folder} is not an ExecuTorch SDK: neither {forms} is there with a version",
            "name the folder `executorch` of an unpacked wheel or the prefix of an installed ExecuTorch, "
            "or leave --executorch out",
        )
    ours = pinned_version()
    if version_tuple(found)[:2] != version_tuple(ours)[:2]:
        raise StepFailed(
            f"the SDK in {folder} is ExecuTorch {found}; the addon is for ExecuTorch {ours}",
            f"use an SDK of ExecuTorch {'.'.join(ours.split('.')[:2])}",
        )
    return found


def has_runtime(folder: Path) -> bool:
    """Whether there are libraries to link; the wheel for Windows has headers only."""
    return any(folder.glob("lib/libexecutorch.*"))


def pinned_version() -> str:
    """The version of executorch in requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith("executorch=="))


def _unpack(wheel: Path, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(_PARTS)]
        archive.extractall(unfinished, names)
    unfinished.rename(target)


def _version(file: Path, line: re.Pattern[str]) -> str:
    found = line.search(file.read_text(encoding="utf-8")) if file.is_file() else None
    return found.group(1) if found else ""
