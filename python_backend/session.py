"""One editor's session: connects back to it, says hello, and serves its requests until the socket closes."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from importer.cache.cache import Cache
from importer.errors import ImporterError
from importer.jobs import reading
from importer.jobs.process_tree import tree_memory
from importer.jobs.starting import Starter, light_starter
from importer.jobs.supervisor import Supervisor
from importer.owned_folders import remove_abandoned, temporary_folder
from python_backend import PROTOCOL, environment
from python_backend.jobs import Jobs, Progress, Task
from python_backend.rpc import Handler, Later, Peer, Request, in_background
from python_backend.setup_job import SetupJob
from python_backend.watch import Watcher

CONNECT_SECONDS = 10.0


def serve(at_once: int, starter: Starter) -> int:
    """Run a session; the exit status. The editor's port and secret come in the environment."""
    port, secret = os.environ.pop("EXECUTORCH_RPC_PORT", ""), os.environ.pop("EXECUTORCH_RPC_SECRET", "")
    cache = os.environ.pop("EXECUTORCH_CACHE", "")
    if not port.isdigit() or not 0 < int(port) < 65536 or not secret:
        told = "`serve` is started by the Godot editor, with EXECUTORCH_RPC_PORT and EXECUTORCH_RPC_SECRET."
        print(told, file=sys.stderr)
        return 2
    try:
        stream = socket.create_connection(("127.0.0.1", int(port)), timeout=CONNECT_SECONDS)
    except OSError as error:
        print(f"No editor listens on 127.0.0.1:{port}: {error}", file=sys.stderr)
        return 1
    stream.settimeout(None)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The working folder is the game's: nothing in it may be imported by accident.
    os.chdir(environment.ROOT)
    Session(stream, at_once, starter).run(secret, cache)
    return 0


class Session:
    """The methods of docs/architecture.md, "RPC"."""

    def __init__(self, stream: socket.socket, at_once: int, starter: Starter) -> None:
        self._started = time.monotonic()
        handlers: dict[str, Handler] = {
            "convert": self._convert,
            "inspect": in_background(self._inspect),
            "check_options": in_background(self._check_options),
            "approve_factory": in_background(self._approve_factory),
            "doctor": in_background(self._doctor),
            "status": self._status,
            "cancel": self._cancel,
            "watch": self._watch,
            "unwatch": self._unwatch,
            "setup": in_background(self._setup),
            "graph": in_background(self._graph),
            "shutdown": self._shutdown,
        }
        self._peer = Peer(stream, handlers)
        self._stream = stream
        self._light = light_starter()
        self._jobs = Jobs(at_once, self._progressed, starter)
        self._watcher = Watcher(self._file_changed, self._watch_failed)
        self._problems: list[environment.Problem] = []
        self._setups: dict[int | str, SetupJob] = {}

    def run(self, secret: str, cache: str) -> None:
        """Serve until the socket closes; all children have ended when this returns. cache: the editor's, or empty."""
        self._problems = environment.problems()
        self._peer.notify("hello", self._hello(secret))
        if not self._problems:
            _remove_abandoned(cache)
        try:
            self._peer.run()
        finally:
            self._watcher.close()
            for setup in tuple(self._setups.values()):
                setup.cancel()
            self._jobs.close()
            self._peer.close()

    def _hello(self, secret: str) -> dict[str, Any]:
        problems = [problem.data() for problem in self._problems]
        return {
            "secret": secret,
            "protocol": PROTOCOL,
            "importer": environment.importer_version(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "executable": sys.executable,
            "pid": os.getpid(),
            "environment": {"ok": not problems, "problems": problems},
        }

    def _convert(self, request: Request) -> Later:
        from importer.jobs.conversion import Job, convert
        from importer.options import ImportOptions

        self._require_environment()
        source = request.text("source")
        job = Job(
            Path(source),
            request.text("cache"),
            ImportOptions.from_mapping(request.dictionary("options")),
            Path(request.text("project")),
            request.text("display_path", source),
            request.flag("allow_pickle"),
            request.text("key"),
            request.texts("trusted_factories"),
            request.whole("cache_limit_bytes"),
        )

        def run(supervisor: Supervisor) -> dict[str, Any]:
            found = convert(job, supervisor, self._light)
            return {"key": found.key, "entry": str(found.entry), "metadata": found.metadata}

        self._jobs.submit(request.id, Task(run, job.display_path, job.limits()), request.respond)
        return Later()

    def _inspect(self, request: Request) -> dict[str, Any]:
        return dict(reading.read("inspect", [Path(request.text("source"))], self._light))

    def _check_options(self, request: Request) -> dict[str, Any]:
        from python_backend import conversion

        return {"problems": conversion.check_options(Path(request.text("project")), request.dictionary("options"))}

    def _approve_factory(self, request: Request) -> dict[str, Any]:
        """A person has pressed the button: this very code may run where no sandbox works."""
        from importer.jobs.approvals import approve, code_hash, project_code
        from importer.options import ImportOptions

        options = ImportOptions(factory=request.text("factory", ""), metric=request.text("metric", ""))
        code = code_hash(project_code(options, Path(request.text("project"))))
        approve(code)
        return {"sha256": code}

    def _doctor(self, request: Request) -> dict[str, Any]:
        return {"checks": [check.data() for check in environment.doctor()]}

    def _status(self, request: Request) -> dict[str, Any]:
        memory = tree_memory(os.getpid())
        uptime = round(time.monotonic() - self._started, 3)
        return {"memory_bytes": memory, "jobs": self._jobs.snapshot(), "uptime_seconds": uptime}

    def _cancel(self, request: Request) -> dict[str, Any]:
        job_id = request.identity("id")
        setup = self._setups.get(job_id)
        if setup is not None:
            setup.cancel()
        return {"cancelled": setup is not None or self._jobs.cancel(job_id)}

    def _setup(self, request: Request) -> dict[str, Any]:
        job = SetupJob(request.text("folder"), request.text("requirements", ""), request.text("wheels", ""))
        self._setups[request.id] = job
        try:
            return job.run(lambda *step: self._progressed(Progress(request.id, *step)))
        finally:
            del self._setups[request.id]

    def _graph(self, request: Request) -> dict[str, Any]:
        return dict(reading.read("graph", [Path(request.text("payload"))], self._light))

    def _watch(self, request: Request) -> dict[str, Any]:
        self._watcher.watch(Path(request.text("link")), Path(request.text("target")))
        return {}

    def _unwatch(self, request: Request) -> dict[str, Any]:
        self._watcher.unwatch(Path(request.text("link")), Path(request.text("target")))
        return {}

    def _shutdown(self, request: Request) -> Later:
        request.respond({}, None)
        self._peer.end()
        return Later()

    def _progressed(self, progress: Progress) -> None:
        self._peer.notify("progress", asdict(progress), can_be_lost=True)

    def _file_changed(self, link: Path, target: Path) -> None:
        self._peer.notify("file_changed", {"link": str(link), "target": str(target)})

    def _watch_failed(self, link: Path, target: Path, error: ImporterError) -> None:
        self._peer.notify("watch_failed", {"link": str(link), "target": str(target), **error.data()})

    def _require_environment(self) -> None:
        if self._problems:  # look again: the set-up may have mended it meanwhile
            self._problems = environment.problems()
        if self._problems:
            first = self._problems[0]
            raise ImporterError(first.code, first.cause, first.remedy, stage="start")


def _remove_abandoned(cache: str) -> None:
    """What killed processes left in this user's temporary folder and in a cache on this machine."""
    with contextlib.suppress(OSError):
        remove_abandoned(temporary_folder())
    if cache and "://" not in cache:
        Cache(cache).remove_abandoned()
