"""Jobs (importer/jobs) of asynchronous tools: they report progress and are cancelled with the request."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from importer.errors import ImporterError
from importer.jobs.starting import starter
from importer.jobs.supervisor import Limits, Supervisor
from python_backend import environment

AT_ONCE = 2
_TICK = 0.1


class ToolJobs:
    """Runs at most AT_ONCE jobs; the others wait."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self._starter = starter(niceness=environment.NICENESS)

    async def run(
        self, task: Callable[[Supervisor], Any], limits: Limits, context: Context[Any, Any], part: str = ""
    ) -> Any:
        """The result of the task, run by a supervisor; raises ImporterError. `part` begins each message."""
        problems = environment.problems()
        if problems:
            first = problems[0]
            raise ImporterError(first.code, first.cause, first.remedy, stage="start")
        latest: list[tuple[float, str]] = []

        def told(stage: str, fraction: float, message: str) -> None:
            latest.append((fraction, " ".join(word for word in (part, stage, message) if word)))

        job = Supervisor(limits, told, self._starter)
        result, failure = None, None
        async with anyio.create_task_group() as group:
            group.start_soon(self._report, latest, context)
            try:
                result = await anyio.to_thread.run_sync(
                    lambda: task(job), abandon_on_cancel=True, limiter=self._limiter
                )
            except Exception as error:  # raised below, outside of the group, which would wrap it
                failure = error
            finally:
                job.cancel()
                group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return result

    async def _report(self, latest: list[tuple[float, str]], context: Context[Any, Any]) -> None:
        # Progress must grow with every notification, and stages of several jobs begin at 0 again.
        step = 0.0
        while True:
            await anyio.sleep(_TICK)
            if latest:
                fraction, message = latest[-1]
                latest.clear()
                step = max(step + 1e-6, fraction)
                with contextlib.suppress(Exception):  # a client that has gone must not fail the call
                    await context.report_progress(step, 1.0, message)
