"""Jobs in child processes (worker.py) for asynchronous tools: they tell progress and are cancelled with the request."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from python_backend import environment
from python_backend.errors import BackendError
from python_backend.worker import Limits, Worker

AT_ONCE = 2
_TICK = 0.1


class ToolJobs:
    """Runs at most AT_ONCE jobs; the others wait."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    async def run(
        self, target: str, params: dict[str, Any], limits: Limits, context: Context[Any, Any], part: str = ""
    ) -> Any:
        """The job's result; raises BackendError. `part` stands before each message."""
        problems = environment.problems()
        if problems:
            first = problems[0]
            raise BackendError(first.code, first.cause, first.remedy, stage="start")
        latest: list[tuple[float, str]] = []

        def told(stage: str, fraction: float, message: str) -> None:
            latest.append((fraction, " ".join(word for word in (part, stage, message) if word)))

        worker = Worker(target, params, limits, told)
        result, failure = None, None
        async with anyio.create_task_group() as group:
            group.start_soon(self._tell, latest, context)
            try:
                result = await anyio.to_thread.run_sync(worker.run, abandon_on_cancel=True, limiter=self._limiter)
            except Exception as error:  # raised below, outside of the group, which would wrap it
                failure = error
            finally:
                worker.cancel()
                group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return result

    async def _tell(self, latest: list[tuple[float, str]], context: Context[Any, Any]) -> None:
        # Progress must grow with every notification, and stages of several jobs begin at 0 again.
        step = 0.0
        while True:
            await anyio.sleep(_TICK)
            if latest:
                fraction, message = latest[-1]
                latest.clear()
                step = max(step + 1e-6, fraction)
                with contextlib.suppress(Exception):  # a client that has gone is no reason to fail
                    await context.report_progress(step, 1.0, message)


def convert_params(
    source: Path, project: Path, cache: Path, options: dict[str, Any], display_path: str
) -> dict[str, Any]:
    """What conversion.convert takes; code inside pickles never runs for an assistant."""
    return {
        "source": str(source),
        "project": str(project),
        "cache": str(cache),
        "options": options,
        "display_path": display_path,
        "allow_pickle": False,
    }
