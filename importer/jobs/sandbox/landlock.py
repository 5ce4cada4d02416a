"""Landlock by its three system calls, as the kernel's page "Landlock: unprivileged access control" describes them.

The package of this name on PyPI is an alpha that knows neither the network nor scopes; it is a handful of calls.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from importer.jobs.sandbox import calls

assert sys.platform == "linux"

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_MAKE_DEVICE = 1 << 6 | 1 << 11  # a disk's device reaches every file on it
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_READ = _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEVICE
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract sockets and signals
_PASS_PERMISSIONS = 1 << 1  # so that root still reads the files of others: within the rules


def version() -> int:
    """The version of this kernel's Landlock; 0 when there is none, or it is off."""
    try:
        return calls.system_call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    except OSError:
        return 0


def restrict(read: Iterable[Path], write: Iterable[Path], execute: Iterable[Path]) -> None:
    """From now on this thread, and all that it starts, reach nothing else. Raises OSError."""
    known = version()
    files = _EXECUTE | _READ | _WRITE_FILE | _REMOVE_AND_MAKE
    files |= (_REFER if known >= 2 else 0) | (_TRUNCATE if known >= 3 else 0) | (_IOCTL_DEVICE if known >= 5 else 0)
    attributes = struct.pack("=QQQ", files, _TCP, _SCOPES)[: 24 if known >= 6 else 16 if known >= 4 else 8]
    ruleset = calls.system_call(_CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), 0)
    try:
        for paths, rights in (
            (read, _READ),
            (write, files & ~_EXECUTE & ~_IOCTL_DEVICE & ~_MAKE_DEVICE),
            (execute, _READ | _EXECUTE),
        ):
            for path in paths:
                _allow(ruleset, path, rights)
        calls.no_new_privileges()
        calls.system_call(_RESTRICT_SELF, ruleset, 0)
        calls.drop_capabilities(kept=_PASS_PERMISSIONS)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, place)
        calls.system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(place)
