"""The system calls that a confined process is refused: sockets, other processes, mounts, keys, the kernel, and what
Landlock does not hold of files: their rights, owners, times, attributes and flags, and before Linux 6.2 their length.

A list of what is refused and not of what is allowed: torch's libraries differ in what they call from version to
version, and files and the network are held by Landlock or namespaces. The package pyseccomp was last released in 2021
and needs a library that a machine may lack; the filter is a few dozen instructions.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from dataclasses import dataclass

from importer.jobs.sandbox import calls

assert sys.platform == "linux"

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
    ioctl: int
    opens: tuple[tuple[int, int], ...]  # open and openat, and which argument has their flags


# These have the same numbers on every architecture since Linux 5.1: open_tree, move_mount, fsopen, fsconfig, fsmount,
# fspick, io_uring (3), pidfd_getfd, process_madvise, mount_setattr, quotactl_fd, fchmodat2, setxattrat, removexattrat,
# open_tree_attr, file_setattr.
_COMMON = (428, 429, 430, 431, 432, 433, 425, 426, 427, 438, 440, 442, 443, 452, 463, 466, 467, 469)
# What a filter cannot look into: clone3 and openat2. glibc then uses clone, and openat.
_STRUCTURED = (435, 437)
# TCGETS, TCGETS2, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FICLONE, FICLONERANGE. Others change a file that is
# open for reading, type into a terminal, or reach a device.
_CONTROLS = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x40049409, 0x4020940D)
_WRITES, _EMPTIES = 0o3, 0o1000
# fmt: off
_NAMES = (
    "execveat", "socket", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp",
    "mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "name_to_handle_at", "open_by_handle_at",
    "add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "fanotify_init",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "swapon", "swapoff", "quotactl", "acct", "syslog", "personality", "sethostname", "setdomainname",
    "clock_settime", "settimeofday", "setsid", "setpgid", "setpriority", "sched_setparam", "sched_setscheduler",
    "sched_setattr", "ioprio_set", "migrate_pages", "move_pages",
    "shmget", "shmat", "msgget", "semget", "mq_open", "sched_setaffinity", "inotify_add_watch", "truncate",
    "fchmod", "fchmodat", "fchown", "fchownat", "utimensat", "setxattr", "lsetxattr", "fsetxattr",
    "removexattr", "lremovexattr", "fremovexattr",
)
_OLD_NAMES = ("chmod", "chown", "lchown", "utime", "utimes", "futimesat")  # of x86_64 alone
_MACHINES = {
    "x86_64": _Machine(0xC000003E, (
        322, 41, 101, 310, 311, 312,
        165, 166, 155, 161, 308, 272, 303, 304,
        248, 249, 250, 321, 298, 323, 300,
        175, 313, 176, 246, 320, 169,
        167, 168, 179, 163, 103, 135, 170, 171,
        227, 164, 112, 109, 141, 142, 144,
        314, 251, 256, 279,
        29, 30, 68, 64, 240, 203, 254, 76,
        91, 268, 93, 260, 280, 188, 189, 190,
        197, 198, 199,
        90, 92, 94, 132, 235, 261,
    ), 56, 157, 302, 16, ((2, 1), (257, 2))),
    "aarch64": _Machine(0xC00000B7, (
        281, 198, 117, 270, 271, 272,
        40, 39, 41, 51, 268, 97, 264, 265,
        217, 218, 219, 280, 241, 282, 262,
        105, 273, 106, 104, 294, 142,
        224, 225, 60, 89, 116, 92, 161, 162,
        112, 170, 157, 154, 140, 118, 119,
        274, 30, 238, 239,
        194, 196, 186, 190, 180, 122, 27, 45,
        52, 53, 55, 54, 88, 5, 6, 7,
        14, 15, 16,
    ), 220, 167, 261, 29, ((56, 2),)),
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
    calls.no_new_privileges()
    calls.process_control(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.c_char_p(head))


def _program(machine: _Machine) -> list[bytes]:
    refuse, missing = _return(_ERROR | errno.EPERM), _return(_ERROR | errno.ENOSYS)
    program = [_load(_ARCHITECTURE), _jump(_EQUAL, machine.audit, 1, 0), _return(_KILL), _load(_NUMBER)]
    program += [_jump(_ABOVE, _X32 - 1, 0, 1), refuse]
    for number in (*machine.numbers, *_COMMON):
        program += [_jump(_EQUAL, number, 0, 1), refuse]
    for number in _STRUCTURED:
        program += [_jump(_EQUAL, number, 0, 1), missing]
    program += [_jump(_EQUAL, machine.clone, 0, 4), _load(_argument(0)), _jump(_ANY_BIT, _NEW_NAMESPACES, 0, 1), refuse]
    program += [_load(_NUMBER)]
    # A file that is opened for reading is not emptied by that.
    for number, flags in machine.opens:
        program += [_jump(_EQUAL, number, 0, 5), _load(_argument(flags)), _jump(_ANY_BIT, _EMPTIES, 0, 2)]
        program += [_jump(_ANY_BIT, _WRITES, 1, 0), refuse, _load(_NUMBER)]
    program += [_jump(_EQUAL, machine.ioctl, 0, len(_CONTROLS) + 3), _load(_argument(1))]
    program += [_jump(_EQUAL, control, len(_CONTROLS) - index, 0) for index, control in enumerate(_CONTROLS)]
    program += [_return(_ERROR | errno.ENOTTY), _load(_NUMBER)]
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


assert len(_MACHINES["x86_64"].numbers) == len(_NAMES) + len(_OLD_NAMES)
assert len(_MACHINES["aarch64"].numbers) == len(_NAMES)
