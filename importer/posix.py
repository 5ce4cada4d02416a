"""What only POSIX systems know, in one place: groups of processes, forks, passing descriptors, the end with a parent.

Not imported on Windows.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable

from importer.plain_files import MOST_FILE_BYTES

assert sys.platform != "win32"

_PR_SET_PDEATHSIG = 1
_MOST_DESCRIPTORS = 8
_MOST_OPEN = 4096


def lead_own_group() -> None:
    """So that this process and all it starts can be ended at once, and the kernel's memory killer takes it first."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("1000")


def end_with_parent(parent: int) -> None:
    """The kernel kills this process when the thread of the process `parent` that started it ends. Linux only; elsewhere
    the closed pipe shows it."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before that
        os._exit(1)


def outlive_parent() -> None:
    """Undo `end_with_parent`."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def end_group(pid: int) -> None:
    """Kill a process and its group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def end_own_group() -> None:
    os.killpg(0, signal.SIGKILL)


def wait_readable(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def fork(run: Callable[[], None]) -> int:
    """A forked child that runs a function and ends, by status 1 when it raises; the child's process id."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        end_with_parent(parent)
        run()
        status = 0
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def go_on_as_fork() -> None:
    """Return in a forked child only. This process waits for it and ends as it ends; killed, it takes it along."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        # In a new process namespace the parent is not seen, so it is unknown whether it still runs.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        return
    os.closerange(0, _MOST_OPEN)
    while True:
        with contextlib.suppress(InterruptedError):
            _, status = os.waitpid(child, 0)
            code = os.waitstatus_to_exitcode(status)
            if code < 0:
                with contextlib.suppress(OSError):
                    signal.signal(-code, signal.SIG_DFL)
                os.kill(parent, -code)
            os._exit(max(code, 0))


def wait_for(child: int, seconds: float) -> int | None:
    """A child's exit status, negative for a signal; None when it still runs then, and has been killed."""
    end, pause = time.monotonic() + seconds, 0.001
    try:
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                child = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        return None
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


if sys.platform == "linux":

    def exit_status(child: int) -> int | None:
        """The exit status of a child that has ended, which stays a zombie (its id is not given to another process)."""
        found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def reap(child: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def packet_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that keep messages apart and can pass descriptors."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_packet(stream: socket.socket, data: bytes, descriptors: list[int]) -> None:
    socket.send_fds(stream, [data], descriptors)


def receive_packet(stream: socket.socket) -> tuple[bytes, list[int]]:
    """One message and its descriptors; empty at the end."""
    data, descriptors, _, _ = socket.recv_fds(stream, 1 << 16, _MOST_DESCRIPTORS)
    return data, descriptors


def wake_at_child_end() -> tuple[int, int]:
    """A pipe whose first end becomes readable when a child of this process ends."""
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return reading, writing


def allow_open_files(count: int) -> None:
    """So many files at a time, if the system lets this process have them."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, min(most, count)), most))


def bound_resources() -> None:
    """No core dumps, and no single file that fills a disk."""
    for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, MOST_FILE_BYTES)):
        _, hard = resource.getrlimit(kind)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))
