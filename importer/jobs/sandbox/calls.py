"""System calls that Python's library does not have."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import Any

assert sys.platform == "linux"

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_CAPGET_AND_CAPSET = {"x86_64": (125, 126), "aarch64": (90, 91)}
_CAPABILITIES_VERSION = 0x20080522
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


def drop_capabilities(kept: int = 0) -> None:
    """This process, and all that it starts, have none of root's capabilities but those of the bits in `kept`."""
    capget, capset = _CAPGET_AND_CAPSET[os.uname().machine]
    head = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES_VERSION, 0))
    found = ctypes.create_string_buffer(24)
    system_call(capget, head, found)
    effective, permitted = struct.unpack_from("=2I", found)
    for capability in range(64):
        if not kept >> capability & 1:
            try:
                process_control(_PR_CAPBSET_DROP, ctypes.c_ulong(capability))
            except OSError:  # there are no more, or this process has none
                break
    left = struct.pack("=6I", effective & kept, permitted & kept, 0, 0, 0, 0)
    system_call(capset, head, ctypes.c_char_p(left))


def library() -> ctypes.CDLL:
    return _library


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
