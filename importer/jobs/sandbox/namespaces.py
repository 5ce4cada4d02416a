"""The way for kernels without Landlock: a user namespace with nothing but the allowed files, and no network.

As `bwrap` does it; that program starts new processes only, and cannot confine a fork of the warm parent.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from importer import posix
from importer.jobs.sandbox import calls

assert sys.platform == "linux"

_NEW_USER, _NEW_MOUNTS, _NEW_NETWORK, _NEW_IPC, _NEW_UTS = 0x10000000, 0x20000, 0x40000000, 0x08000000, 0x04000000
_NEW_PROCESSES = 0x20000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2


def restrict(read: Iterable[Path], write: Iterable[Path], temporary: Path) -> None:
    """Continue in a fork that sees these files and no other process; this process only waits for it. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    _checked(calls.library().unshare(_NEW_USER | _NEW_MOUNTS | _NEW_NETWORK | _NEW_IPC | _NEW_UTS | _NEW_PROCESSES))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(text)
    posix.go_on_as_fork()
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    root = temporary / "root"
    root.mkdir()
    _mount("tmpfs", str(root), "tmpfs", _NO_SUID)
    own = Path("/proc/self").readlink()  # its number outside; inside it is 1
    (root / "proc" / str(os.getpid())).mkdir(parents=True)
    _mount(f"/proc/{own}", f"{root}/proc/{os.getpid()}", None, _BIND)
    (root / "proc" / "self").symlink_to(str(os.getpid()))
    for paths, flags in ((read, _READ_ONLY), (write, 0)):
        for path in sorted(set(paths)):
            _show(root, path, flags)
    os.chdir(root)
    calls.system_call(155 if os.uname().machine == "x86_64" else 41, ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    _checked(calls.library().umount2(b".", _DETACH))
    os.chdir("/")
    _remount("/", _READ_ONLY)
    calls.drop_capabilities()
    calls.no_new_privileges()


def _show(root: Path, path: Path, flags: int) -> None:
    """Mount a file or folder at its own path, and a link's target at the target's path."""
    real = path.resolve()
    target = Path(f"{root}{real}")
    if not target.exists():
        if real.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    _mount(str(real), str(target), None, _BIND | _RECURSIVE)
    if flags:
        # Flags that the outer namespace locks must be repeated.
        _remount(str(target), flags)
    link = Path(f"{root}{path}")
    if path != real and not link.exists() and not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(real)


def _remount(target: str, flags: int) -> None:
    for locked in (_NO_SUID | _NO_DEVICES, _NO_SUID | _NO_DEVICES | 8, _NO_SUID, 0):
        try:
            return _mount(None, target, None, _REMOUNT | _BIND | flags | locked)
        except PermissionError:
            continue
    raise PermissionError(f"{target} cannot be made read-only")


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    words = [text.encode() if text is not None else None for text in (source, target, kind)]
    _checked(calls.library().mount(words[0], words[1], words[2], ctypes.c_ulong(flags), None))


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
