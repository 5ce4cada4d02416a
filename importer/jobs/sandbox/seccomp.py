"""The system calls that a confined process is refused: sockets, other processes, mounts, keys, the kernel.

A list of what is refused and not of what is allowed: torch's libraries differ in what they call from version to
version, and files and the network are held by Landlock or namespaces. The package pyseccomp was last released in 2021
and needs a library that a machine may lack; the filter is a few dozen instructions.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

from importer.jobs.sandbox.calls import no_new_privileges, process_control

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _ANY_BIT, _ABOVE, _RETURN = 0x20, 0x15, 0x45, 0x25, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000
_SIGKILL = 9
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class _Machine:
    """audit: the kernel's name of the architecture. The numbers are those of the calls in _NAMES, in their order."""

    audit: int
    numbers: tuple[int, ...]
    clone: int
    prctl: int
    prlimit64: int


# These have the same numbers on every architecture since Linux 5.1: open_tree, move_mount, fsopen, fsconfig, fsmount,
# fspick, io_uring (3), pidfd_getfd, mount_setattr, quotactl_fd, open_tree_attr.
_COMMON = (428, 429, 430, 431, 432, 433, 425, 426, 427, 438, 442, 443, 467)
_CLONE3 = 435
# fmt: off
_NAMES = (
    "execveat", "socket", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp",
    "mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "name_to_handle_at", "open_by_handle_at",
    "add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "fanotify_init",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "swapon", "swapoff", "quotactl", "acct", "syslog", "personality", "sethostname", "setdomainname",
    "clock_settime", "settimeofday", "setsid", "setpgid", "setpriority", "sched_setparam", "sched_setscheduler",
    "sched_setattr", "ioprio_set", "migrate_pages", "move_pages",
    "shmget", "shmat", "msgget", "semget", "mq_open",
)
_MACHINES = {
    "x86_64": _Machine(0xC000003E, (
        322, 41, 101, 310, 311, 312,
        165, 166, 155, 161, 308, 272, 303, 304,
        248, 249, 250, 321, 298, 323, 300,
        175, 313, 176, 246, 320, 169,
        167, 168, 179, 163, 103, 135, 170, 171,
        227, 164, 112, 109, 141, 142, 144,
        314, 251, 256, 279,
        29, 30, 68, 64, 240,
    ), 56, 157, 302),
    "aarch64": _Machine(0xC00000B7, (
        281, 198, 117, 270, 271, 272,
        40, 39, 41, 51, 268, 97, 264, 265,
        217, 218, 219, 280, 241, 282, 262,
        105, 273, 106, 104, 294, 142,
        224, 225, 60, 89, 116, 92, 161, 162,
        112, 170, 157, 154, 140, 118, 119,
        274, 30, 238, 239,
        194, 196, 186, 190, 180,
    ), 220, 167, 261),
}
# fmt: on


def is_known_machine() -> bool:
    return platform.machine() in _MACHINES


def restrict() -> None:
    """From now on this thread, and all that it starts, get EPERM for those calls. Raises OSError."""
    program = _program(_MACHINES[platform.machine()])
    code = b"".join(program)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    no_new_privileges()
    process_control(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.c_char_p(head))


def _program(machine: _Machine) -> list[bytes]:
    refuse, missing = _return(_ERROR | errno.EPERM), _return(_ERROR | errno.ENOSYS)
    program = [_load(_ARCHITECTURE), _jump(_EQUAL, machine.audit, 1, 0), _return(_KILL), _load(_NUMBER)]
    program += [_jump(_ABOVE, _X32 - 1, 0, 1), refuse]
    for number in (*machine.numbers, *_COMMON):
        program += [_jump(_EQUAL, number, 0, 1), refuse]
    # glibc then uses clone, whose flags can be read here.
    program += [_jump(_EQUAL, _CLONE3, 0, 1), missing]
    program += [_jump(_EQUAL, machine.clone, 0, 4), _load(_argument(0)), _jump(_ANY_BIT, _NEW_NAMESPACES, 0, 1), refuse]
    program += [_load(_NUMBER)]
    # Limits of this process only.
    program += [_jump(_EQUAL, machine.prlimit64, 0, 4), _load(_argument(0)), _jump(_EQUAL, 0, 1, 0), refuse]
    program += [_load(_NUMBER)]
    # It ends with its parent: that cannot be switched off.
    program += [_jump(_EQUAL, machine.prctl, 0, 5), _load(_argument(0)), _jump(_EQUAL, _PR_SET_PDEATHSIG, 0, 3)]
    program += [_load(_argument(1)), _jump(_EQUAL, _SIGKILL, 1, 0), refuse]
    return [*program, _return(_ALLOW)]


def _argument(index: int) -> int:
    """Where the lower half of an argument is; both architectures are little-endian."""
    return _ARGUMENTS + 8 * index


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _jump(kind: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", kind, if_true, if_false, value)


def _return(value: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, value)


assert all(len(machine.numbers) == len(_NAMES) for machine in _MACHINES.values())
