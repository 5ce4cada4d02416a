"""What only POSIX systems have stays in importer/posix.py, and what only Linux has in the sandbox's mechanisms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.godot_projects import ROOT

PARTS = ("importer", "python_backend", "godot_executorch", "tasks")
MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# Names of `os`, `signal`, `socket` and `select` that Windows does not have.
NAMES = {
    *(
        "fork",
        "forkpty",
        "killpg",
        "setsid",
        "setpgid",
        "getpgid",
        "wait",
        "waitpid",
        "waitid",
        "waitstatus_to_exitcode",
    ),
    *("SIGKILL", "SIGCHLD", "SIGALRM", "alarm", "AF_UNIX", "send_fds", "recv_fds", "poll", "epoll"),
}
OWNERS = {"os", "signal", "socket", "select"}
ALLOWED = ("importer/posix.py", "importer/jobs/sandbox/")


def uses(source: str) -> set[str]:
    """The POSIX-only modules that a source imports, and the names that it takes from modules which all systems have."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {str(node.module)} & MODULES
            if node.module in OWNERS:
                found |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name in NAMES}
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            owner = node.value
            if isinstance(owner, ast.Name) and owner.id in OWNERS:
                found.add(f"{owner.id}.{node.attr}")
    return found


def test_posix_is_in_one_place() -> None:
    found = {}
    for path in (path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(ALLOWED) and (used := uses(path.read_text(encoding="utf-8"))):
            found[name] = used
    assert found == {}


def test_the_one_place_is_imported_where_it_can_be_only() -> None:
    """At the top of a module, Windows would fail to import it; these modules are Linux's own."""
    of_linux = {f"importer/jobs/{name}.py" for name in ("warm_parent", "warm_server", "sandbox/namespaces")}
    for path in (path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))):
        name = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = {ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))}
        has_it = any(line.startswith(("from importer.posix", "from importer import posix")) for line in top)
        assert not has_it or name in of_linux, name


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import fcntl", {"fcntl"}),
        ("from resource import getrlimit", {"resource"}),
        ("import os\nos.killpg(0, 9)", {"os.killpg"}),
        ("from signal import SIGKILL", {"signal.SIGKILL"}),
        ("process.wait()", set[str]()),
        ("import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_DFL)", set[str]()),
    ],
)
def test_uses_are_found(source: str, expected: set[str]) -> None:
    assert uses(source) == expected


def test_the_place_exists() -> None:
    assert uses(Path(ROOT / "importer" / "posix.py").read_text(encoding="utf-8"))
