"""The official conformance suite (npm): how to install it, how to run it, and which scenarios cannot apply."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[3] / ".cache" / "npm"
NODE = "node@22"
# The released suite, and the one that knows revision 2026-07-28.
RELEASED = "@modelcontextprotocol/conformance@0.1.16"
CURRENT = "@modelcontextprotocol/conformance@0.2.0-alpha.12"

_TASKS = "of the optional extension io.modelcontextprotocol/tasks, which neither server offers: calls report progress"
# Scenario of revision 2026-07-28 -> why it cannot apply.
EXTENSIONS = {
    "tasks-lifecycle": _TASKS,
    "tasks-capability-negotiation": _TASKS,
    "tasks-wire-fields": _TASKS,
    "tasks-request-state-removal": _TASKS,
    "tasks-mrtr-input": _TASKS,
    "tasks-request-headers": _TASKS,
    "tasks-dispatch-and-envelope": _TASKS,
    "tasks-status-notifications": _TASKS,
    "tasks-required-task-error": _TASKS,
    "tasks-mrtr-composition": _TASKS,
}

Scenarios = dict[str, tuple[int, int]]


def install(package: str, folder: str) -> Path:
    """Install an npm package, with Node, into a folder of its own; skips where there is no npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine")
    home = TOOLS / folder
    home.mkdir(parents=True, exist_ok=True)
    wanted, stamp = f"{package} {NODE}", home / "installed"
    with (TOOLS / f"{folder}.lock").open("w") as lock:
        # Several processes of one test run may want it at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            (home / "package.json").write_text('{"private": true}\n')
            command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", package, NODE]
            done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=500)
            if done.returncode != 0:
                pytest.skip(f"npm could not install {package}: {done.stderr[-300:]}")
            stamp.write_text(wanted)
    return home


def run(package: str, folder: str, url: str, *selection: str) -> Scenarios:
    """Run the suite against a server; scenario -> (passed, failed) checks."""
    home = install(package, folder)
    node = home / "node_modules" / ".bin" / "node"
    suite = home / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = [node, suite, "server", "--url", url, *selection]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=400)
    found = re.findall(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return {name: (int(passed), int(failed)) for name, passed, failed in found}


def assert_all_pass(run_once: Callable[[], Scenarios], least: int, cannot_apply: Mapping[str, str]) -> None:
    """Every scenario that can apply passes; the suite waits for some answers for less than a second, so that a busy
    machine gets a second run."""
    wrong: Scenarios = {}
    for _ in range(2):
        scenarios = run_once()
        assert set(cannot_apply) <= set(scenarios), "a scenario that cannot apply is not in the suite"
        applicable = {name: counts for name, counts in scenarios.items() if name not in cannot_apply}
        assert len(applicable) >= least
        wrong = {name: counts for name, counts in applicable.items() if counts[1] or not counts[0]}
        if not wrong:
            return
    raise AssertionError(wrong)
