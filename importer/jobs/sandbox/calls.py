"""System calls that Python's library does not have."""

from __future__ import annotations

import ctypes
import os
from typing import Any

_PR_SET_NO_NEW_PRIVS = 38
_library = ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: Any) -> int:
    """Raises OSError."""
    result = int(_library.syscall(ctypes.c_long(number), *arguments))
    return _checked(result)


def process_control(option: int, *arguments: Any) -> int:
    """prctl. Raises OSError."""
    padded = [*arguments, *[ctypes.c_ulong(0)] * (4 - len(arguments))]
    return _checked(int(_library.prctl(ctypes.c_int(option), *padded)))


def no_new_privileges() -> None:
    """A program with a set-user-ID bit does not raise this process's rights."""
    process_control(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))


def library() -> ctypes.CDLL:
    return _library


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
