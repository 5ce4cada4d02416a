"""A scheduler and workers of dask as processes of their own, each with a user's cache of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Cluster:
    """`stop` ends all. address: of the scheduler; `cache`: the address of files that all share."""

    def __init__(self, folder: Path, *tls: str) -> None:
        self.folder = folder
        self.cache = (folder / "shared").as_uri()
        self._tls = tls
        known = folder / "scheduler.json"
        words = ["--no-dashboard", "--scheduler-file", str(known), "--host", "127.0.0.1", "--port", "0", *tls]
        if tls:
            words += ["--protocol", "tls"]
        self.scheduler = self._start("scheduler", "distributed.cli.dask_scheduler", *words)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        until(lambda: known.exists() and known.read_text(encoding="utf-8").endswith("}"), "the scheduler starts")
        self.address = str(json.loads(known.read_text(encoding="utf-8"))["address"])

    def add_worker(self, name: str) -> Path:
        """A worker that runs one conversion at once. Returns the folder of what it keeps."""
        words = [self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name, *self._tls]
        self.workers[name] = self._start(name, "distributed.cli.dask_worker", *words)
        return self.user(name) / "executorch-godot" / "cluster"

    def kill(self, name: str) -> None:
        self.workers[name].send_signal(signal.SIGKILL)
        self.workers[name].wait()

    def user(self, name: str) -> Path:
        """The folder of a process's user: its cache, and its configuration with keys."""
        return self.folder / "users" / name

    def start(self, *words: object, **variables: str) -> subprocess.Popen[str]:
        """A command of a person with `--cluster` and JSON. variables: of its environment."""
        command = [sys.executable, "-c", _INTERRUPTIBLE, *map(str, words), "--cluster", self.address]
        command += ["--cache", self.cache, "--json"]
        pipe, environment = subprocess.PIPE, {**self._environment("person"), **variables}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)

    def stop(self) -> None:
        for process in (*self.workers.values(), self.scheduler):
            process.kill()
            process.wait()

    def _start(self, name: str, module: str, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.log").open("wb")
        command = [sys.executable, "-m", module, *words]
        return subprocess.Popen(command, cwd=self.folder, env=self._environment(name), stdout=log, stderr=log)

    def _environment(self, name: str) -> dict[str, str]:
        folders = {"XDG_CACHE_HOME": str(self.user(name)), "XDG_CONFIG_HOME": str(self.user(name) / "config")}
        return {**os.environ, "PYTHONPATH": str(ROOT), **folders}


# A program that is started in the background ignores SIGINT.
_INTERRUPTIBLE = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from importer.__main__ import main; sys.exit(main(sys.argv[1:]))"
)


def until(is_so: Callable[[], bool], what: str, seconds: float = 240.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
