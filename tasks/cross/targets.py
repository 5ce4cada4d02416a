"""The systems and processors that the native library can be built for."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from tasks.console import ROOT, StepFailed

BIN = ROOT / "addons" / "executorch" / "bin"


@dataclass(frozen=True)
class Target:
    """A system and a processor, by Godot's names for them."""

    system: str
    architecture: str
    library: str  # the extension's file
    wheel_tags: tuple[str, ...]  # platform tags of ExecuTorch's wheel
    has_library_in_wheel: bool = True  # a wheel may have headers only

    @property
    def name(self) -> str:
        """The word for `--target`."""
        return f"{self.system}-{self.architecture}"

    @property
    def folder(self) -> Path:
        """Where the addon has its libraries."""
        return BIN / f"{self.system}.{self.architecture}"

    @property
    def build(self) -> Path:
        """CMake's folder. That of this machine has no name of a target."""
        return ROOT / "build" / ("native" if self == _of_this_machine() else f"native-{self.name}")

    @property
    def stamp(self) -> Path:
        """Holds the hash of the sources that were built."""
        return self.build / "sources.sha256"

    @property
    def is_built(self) -> bool:
        """Whether the addon has the library, be it of these sources or of older ones."""
        return (self.folder / self.library).exists()


TARGETS = (
    Target("linux", "x86_64", "libgodot_executorch.so", ("manylinux_2_28_x86_64",)),
    Target("linux", "arm64", "libgodot_executorch.so", ("manylinux_2_28_aarch64",)),
    Target("macos", "arm64", "libgodot_executorch.dylib", ("macosx_14_0_arm64", "macosx_13_0_arm64")),
    Target("windows", "x86_64", "godot_executorch.dll", ("win_amd64",), False),
)
_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_ARCHITECTURES = {"aarch64": "arm64", "amd64": "x86_64"}


def find(name: str) -> Target:
    """The target of that name. Raises StepFailed with the known names."""
    for target in TARGETS:
        if target.name == name:
            return target
    raise StepFailed(f"there is no target {name!r}", f"name one of {', '.join(target.name for target in TARGETS)}")


def host() -> Target:
    """The target that this machine is. Raises StepFailed on one that is none of them."""
    found = _of_this_machine()
    if found is None:
        machine = f"{sys.platform} {platform.machine()}"
        known = ", ".join(target.name for target in TARGETS)
        raise StepFailed(f"the native library cannot be built on this machine ({machine})", f"use one of {known}")
    return found


def built() -> list[Target]:
    """The targets whose library the addon has."""
    return [target for target in TARGETS if target.is_built]


def _of_this_machine() -> Target | None:
    machine = platform.machine().lower()
    key = (_SYSTEMS.get(sys.platform, ""), _ARCHITECTURES.get(machine, machine))
    return next((target for target in TARGETS if (target.system, target.architecture) == key), None)
