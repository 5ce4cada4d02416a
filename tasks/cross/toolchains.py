"""The compilers of other systems: Debian's for Linux arm64, zig (from the package index) for macOS and Windows."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from tasks.console import CACHE, ROOT, StepFailed, run, step
from tasks.cross.targets import Target
from tasks.environment import PYTHON

FOLDER = ROOT / "native" / "cmake" / "toolchains"
ZIG = CACHE / "zig"
ZIG_VERSION = "0.17.1"
ZIG_TOOLS = ("c++", "ar", "ranlib", "rc", "dlltool")
ARM64_COMPILER = "aarch64-linux-gnu-g++"


def options(target: Target) -> list[str]:
    """CMake's options for a target's compiler, which is installed if the package index has it."""
    found = [f"-DCMAKE_TOOLCHAIN_FILE={FOLDER / f'{target.name}.cmake'}"]
    if target.system == "linux":
        _need_debian_compiler()
        return found
    return [*found, f"-DZIG_TOOLS={ensure_zig()}"]


def ensure_zig() -> Path:
    """The folder of programs that call zig by the names that CMake needs."""
    tools = ZIG / "tools"
    zig = ZIG / ZIG_VERSION / "ziglang" / "zig"
    if not zig.exists():
        with step(f"zig {ZIG_VERSION}, 100 MB"):
            unfinished = ZIG / f"{ZIG_VERSION}.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            command: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
            command += ["--no-deps", "--target", unfinished, f"ziglang=={ZIG_VERSION}"]
            run(command, log="pip-zig", remedy="check the access to the package index")
            unfinished.rename(ZIG / ZIG_VERSION)
    tools.mkdir(parents=True, exist_ok=True)
    for name in ZIG_TOOLS:
        script = f"#!/bin/sh\nZIG_GLOBAL_CACHE_DIR={shlex.quote(str(ZIG / 'cache'))} exec {shlex.quote(str(zig))} "
        # What C and C++ leave undefined is not trapped: a release build of the other compilers does not either.
        call = "c++ -fno-sanitize=all" if name == "c++" else name
        program = tools / name
        unfinished = tools / f"{name}.{os.getpid()}"
        unfinished.write_text(f'{script}{call} "$@"\n', encoding="utf-8")
        unfinished.chmod(0o755)
        unfinished.replace(program)
    return tools


def _need_debian_compiler() -> None:
    if shutil.which(ARM64_COMPILER) is None:
        raise StepFailed(f"there is no {ARM64_COMPILER}", "apt-get install g++-aarch64-linux-gnu")
