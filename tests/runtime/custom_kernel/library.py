"""Builds the kernel library of triple.cpp against the headers of ExecuTorch's wheel."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("triple.cpp")


def build(folder: Path, factor: str = "3.0F") -> Path:
    """Compile libtriple.so into a folder, with the compiler that builds the extension; returns its path.

    factor: what the kernel multiplies by; another one than three is a fault."""
    spec = importlib.util.find_spec("executorch")
    assert spec is not None and spec.submodule_search_locations is not None
    wheel = Path(spec.submodule_search_locations[0])
    include = wheel / "include"
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "no C++ compiler"
    library = folder / "libtriple.so"
    command: list[str | Path] = [compiler, "-std=c++17", "-O1", "-shared", "-fPIC", f"-DFACTOR={factor}", SOURCE]
    command += ["-DC10_USING_CUSTOM_GENERATED_MACROS", "-DET_EVENT_TRACER_ENABLED"]
    command += ["-isystem", include, "-isystem", include / "executorch/runtime/core/portable_type/c10"]
    command += ["-L", wheel / "lib", "-lexecutorch", "-o", library]
    subprocess.run(command, check=True, timeout=300)
    return library
