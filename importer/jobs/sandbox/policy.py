"""The policy of a confined process: its files, and those that the interpreter and its packages need."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.kernels import library

_ROOT = Path(__file__).resolve().parents[3]
_KEPT_VARIABLES = ("PATH", "LANG", "LANGUAGE", "TZ", "TERM", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", library.GAME)
_KEPT_PREFIXES = ("LC_", "OMP_", "MKL_", "KMP_", "OPENBLAS_", "PYTHON")
_SYSTEM = (
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/devices/system",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/vm",
    "/proc/sys/kernel/osrelease",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
)


def is_required() -> bool:
    """Whether a task without a sandbox is refused; EXECUTORCH_WITHOUT_SANDBOX=1 allows it."""
    return os.environ.get("EXECUTORCH_WITHOUT_SANDBOX") != "1"


@dataclass(frozen=True)
class Policy:
    """read, write: files and folders. temporary: its own folder, which is also its home.

    required: without a sandbox the task is refused; else it goes on, and the log says so. unapproved: the hash of
    project code that the task runs and that is not approved to run without a sandbox; empty when there is no such code.
    """

    temporary: Path
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    required: bool = True
    unapproved: str = ""

    def data(self) -> dict[str, Any]:
        """As a child gets it."""
        paths = {"read": [str(path) for path in self.read], "write": [str(path) for path in self.write]}
        return {**paths, "temporary": str(self.temporary), "required": self.required, "unapproved": self.unapproved}

    @staticmethod
    def from_data(data: dict[str, Any]) -> Policy:
        read, write = (tuple(map(Path, data[name])) for name in ("read", "write"))
        return Policy(Path(data["temporary"]), read, write, bool(data["required"]), str(data["unapproved"]))

    def readable(self) -> list[Path]:
        """All readable paths that exist."""
        return [*needed(), *(path for path in self.read if _is_there(path))]

    def writable(self) -> list[Path]:
        places = [Path("/dev/null"), self.temporary, *self.write]
        return [path for path in places if _is_there(path)]


@functools.cache
def needed() -> list[Path]:
    """The paths that every task reads. A warm parent finds them before it forks."""
    places = [*map(Path, _SYSTEM), *_python()]
    places += [path.parent for path in [library.path()] if path]  # and what it is linked with
    places += library.of_game()
    return [path for path in places if _is_there(path)]


def is_kept(variable: str) -> bool:
    """Whether a confined process has a variable of its parent."""
    return variable in _KEPT_VARIABLES or variable.startswith(_KEPT_PREFIXES)


def use_own_folders(temporary: Path) -> None:
    """Use the temporary folder for all files of this process, and drop the parent's environment variables."""
    for name in list(os.environ):
        if not is_kept(name):
            del os.environ[name]
    own = ("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    caches = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "MPLCONFIGDIR")
    os.environ.update(dict.fromkeys((*own, *caches), str(temporary)))
    os.environ.update(USER="nobody", LOGNAME="nobody")
    tempfile.tempdir = str(temporary)
    os.chdir(temporary)


@functools.cache
def programs() -> list[Path]:
    """The programs that may be executed: ExecuTorch's flatbuffer compiler, and the loader that the kernel starts it
    with."""
    from importlib.util import find_spec

    spec = find_spec("executorch")
    packages = list(spec.submodule_search_locations or []) if spec else []
    places = [Path(folder) / "data" / "bin" / "flatc" for folder in packages]
    places += [Path("/lib64/ld-linux-x86-64.so.2"), Path("/lib/ld-linux-aarch64.so.1")]
    return [path for path in places if _is_there(path)]


def _python() -> list[Path]:
    """The interpreter, its library, installed packages, and our own."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    places = [sysconfig.get_path(name) for name in names]
    # Not the programs of the system.
    places += [prefix for prefix in (sys.prefix, sys.base_prefix) if prefix not in ("/", "/usr", "/usr/local")]
    places += [entry for entry in sys.path if _has_packages(entry)]
    # In a project these are links into the addon or a checkout.
    roots = (_ROOT, Path(__file__).absolute().parents[3])
    return [*map(Path, places), *(root / name for root in roots for name in ("importer", "python_backend"))]


def _has_packages(entry: str) -> bool:
    """Whether an entry of sys.path is a place where packages are installed, and not any folder of the person."""
    path = Path(entry)
    if not path.is_absolute() or not path.is_dir():
        return path.suffix == ".zip"
    return next(path.glob("*.dist-info"), None) is not None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
