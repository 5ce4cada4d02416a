"""The tools. Assistants read their docstrings; they raise errors with code, cause and remedy."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from mcp.server.mcpserver import Context
from pydantic import Field

from importer.cache.entry import Artifact
from importer.cache.install import install_program
from importer.cli import compare
from importer.errors import ImporterError, plain_text
from importer.jobs import reading
from importer.jobs.conversion import Job, convert
from importer.jobs.reading import program_files
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import light_starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.options import ImportOptions
from importer.owned_folders import owned_folder, temporary_folder
from python_backend import conversion, environment
from python_backend.mcp_server import results
from python_backend.mcp_server.jobs import ToolJobs
from python_backend.mcp_server.option_arguments import with_import_options
from python_backend.mcp_server.project import Project

ModelPath = Annotated[str, Field(description="A model file of the project, such as res://models/net.pt")]

_MEASURE = "python_backend.profiling.measure:measure"
_COMPARE = "importer.cli.compare:compare_in_child"
_RUN = "python_backend.conversion:validate"
_SECONDS = 600

_T = TypeVar("_T")


class Tools:
    """The tools of one project. Without `allow_write` nothing in the project is changed."""

    def __init__(self, project: Project, allow_write: bool) -> None:
        self._project = project
        self._allow_write = allow_write
        self._jobs = ToolJobs()
        self._light = light_starter()

    async def list_project_models(self) -> results.ModelList:
        """List the project's model files with their kind and size."""
        models = await _in_thread(self._listed)
        return {"project": str(self._project.root), "models": models}

    async def inspect_model(self, model: ModelPath) -> dict[str, Any]:
        """Read a model file without running it: methods, inputs, outputs, operators, delegates, memory."""
        source = self._project.file(model)
        return dict(await _in_thread(lambda: reading.read("inspect", [source], self._light)))

    @with_import_options
    async def convert_model(
        self,
        model: ModelPath,
        context: Context[Any, Any],
        output: Annotated[str, Field(description="Write the program here, such as res://models/net.pte")] = "",
        **options: Any,
    ) -> results.Conversion:
        """Convert a PyTorch model to an ExecuTorch program, run it, and compare it with PyTorch.

        Read-only servers convert into a temporary folder and only report; `output` needs a server that may write.
        """
        source = self._project.file(model)
        target = self._writable(output) if output else None
        with self._cache() as cache:
            found = await self._convert(source, cache, options, context)
            if target is not None:
                install_program(Artifact(found["key"], Path(found["entry"]), found["metadata"]), target)
            return {
                "metadata": found["metadata"],
                "key": found["key"],
                "written": self._project.name(target) if target else "",
            }

    @with_import_options
    async def validate_model(
        self,
        model: ModelPath,
        context: Context[Any, Any],
        **options: Any,
    ) -> results.Validation:
        """Check that a model works: a `.pte` is loaded and run, others are converted and compared with PyTorch."""
        source = self._project.file(model)
        try:
            if conversion.is_program(source):
                found = await self._run(_RUN, {"source": str(source)}, [source], context)
                return {"valid": True, "error": {}, "accuracy": {}, "timings": found}
            with self._cache() as cache:
                metadata = (await self._convert(source, cache, options, context))["metadata"]
        except ImporterError as error:
            return {"valid": False, "error": error.data(), "accuracy": {}, "timings": {}}
        return {
            "valid": True,
            "error": {},
            "accuracy": metadata.get("accuracy", {}),
            "timings": metadata.get("timings", {}),
        }

    @with_import_options
    async def compare_models(
        self, first: ModelPath, second: ModelPath, context: Context[Any, Any], **options: Any
    ) -> dict[str, Any]:
        """Run the same random inputs through two models and compare results, size, memory and speed.

        The import options are those of files that are not programs yet. With labelled data in `evaluate`, the two
        programs' metrics are compared too.
        """
        paths = [self._project.file(first), self._project.file(second)]
        with self._cache() as cache:
            programs = [await self._program(path, cache, options, context) for path in paths]
            chosen = {name: str(options.get(name) or "") for name in ("evaluate", "metric")}
            params, data = compare.parameters(
                programs[0], programs[1], chosen["evaluate"], chosen["metric"], self._project.root
            )
            found = await self._run(_COMPARE, params, programs, context, data)
            for side, path in zip(found["programs"], paths, strict=True):
                side["path"] = self._project.name(path)
            return found

    @with_import_options
    async def sweep_recipes(
        self,
        model: ModelPath,
        context: Context[Any, Any],
        recipes: Annotated[Sequence[str], Field(description="Recipes to compare; empty = all of them")] = (),
        **options: Any,
    ) -> results.Sweep:
        """Convert a model with several recipes and compare size, speed, accuracy and delegation, to choose one."""
        from importer.lowering.recipes import that_run_here

        source = self._project.file(model)
        rows: list[results.SweepRow] = []
        with self._cache() as cache:
            for recipe in recipes or that_run_here():
                try:
                    found = await self._convert(source, cache, {**options, "recipe": recipe}, context, recipe)
                except ImporterError as error:
                    rows.append({"recipe": recipe, "error": error.code, "cause": error.cause})
                else:
                    rows.append(_sweep_row(recipe, found["metadata"]))
        return {"rows": rows}

    @with_import_options
    async def profile_model(
        self,
        model: ModelPath,
        context: Context[Any, Any],
        method: Annotated[str, Field(description="Empty = forward")] = "",
        runs: Annotated[int, Field(ge=0, le=100_000, description="0 = as many as fit into two seconds")] = 0,
        threads: Annotated[
            int, Field(ge=0, le=256, description="0 = as in a game: one less than there are fast cores")
        ] = 0,
        **options: Any,
    ) -> dict[str, Any]:
        """Measure a model on this machine: latency (p50, p90, p99), time of each operator, memory. Times are in us."""
        source = self._project.file(model)
        with self._cache() as cache:
            program = await self._program(source, cache, options, context)
            params = {"path": str(program), "method": method, "runs": runs, "threads": threads}
            found = await self._run(_MEASURE, params, [program], context)
        # Thousands of samples and events do not help an assistant; the report has them.
        del found["samples_us"], found["trace"]["events"]
        return {**found, "path": self._project.name(source), "name": source.stem}

    async def doctor(self) -> results.Doctor:
        """Check the Python environment; each problem comes with the command that repairs it."""
        checks = [check.data() for check in await _in_thread(environment.doctor)]
        return {"ok": all(check["ok"] for check in checks), "checks": checks}

    async def _convert(
        self, source: Path, cache: Path, options: dict[str, Any], context: Context[Any, Any], part: str = ""
    ) -> dict[str, Any]:
        chosen = ImportOptions.from_mapping(options)
        # Code inside of pickles never runs for an assistant, and code of the project only in the sandbox.
        name = self._project.name(source)
        job = Job(source, str(cache), chosen, self._project.root, name, takes_approvals=False)

        def run(supervisor: Supervisor) -> dict[str, Any]:
            found = convert(job, supervisor, self._light)
            return {"key": found.key, "entry": str(found.entry), "metadata": found.metadata}

        result: dict[str, Any] = await self._jobs.run(run, job.limits(), context, part)
        return result

    async def _run(
        self,
        target: str,
        params: dict[str, Any],
        programs: list[Path],
        context: Context[Any, Any],
        data: Sequence[Path] = (),
    ) -> dict[str, Any]:
        """The result of a task that runs programs, in a confined process; `data` are further paths that it may read."""

        def run(supervisor: Supervisor) -> Any:
            with owned_folder(temporary_folder(), "job") as temporary:
                files = tuple(path for program in programs for path in program_files(program))
                return supervisor.run(target, params, Policy(temporary, (*files, *data), (), is_required()))

        return dict(await self._jobs.run(run, Limits(_SECONDS), context))

    async def _program(self, source: Path, cache: Path, options: dict[str, Any], context: Context[Any, Any]) -> Path:
        if conversion.is_program(source):
            return source
        found = await self._convert(source, cache, options, context, source.name)
        return Path(found["entry"]) / "model.pte"

    def _listed(self) -> list[results.ModelFile]:
        paths = list(self._project.models())
        found = reading.read("kinds", paths, self._light)
        if not isinstance(found, list) or len(found) != len(paths):
            raise ImporterError("WORKER_ANSWER_INVALID", "The list of models is incomplete.", "Please report it.")
        return [
            {
                "path": self._project.name(path),
                "kind": plain_text(item.get("kind"), 64),
                "size": path.stat().st_size,
                "problem": plain_text(item.get("problem"), 1000),
            }
            for path, item in zip(paths, found, strict=True)
        ]

    @contextlib.contextmanager
    def _cache(self) -> Iterator[Path]:
        """The project's own artifact cache, or a temporary one on a read-only server."""
        if self._allow_write:
            yield self._project.cache()
            return
        with tempfile.TemporaryDirectory(prefix="executorch-mcp-") as folder:
            yield Path(folder)

    def _writable(self, output: str) -> Path:
        if not self._allow_write:
            cause = f"This server is read-only, so {output} is not written."
            raise ImporterError("READ_ONLY", cause, "Start it with --allow-write, or omit `output`.")
        target = self._project.place(output)
        if target.suffix != ".pte":
            raise ImporterError("OPTION_INVALID", f"{output} does not end with .pte.", "Use a name with this ending.")
        return target


def _sweep_row(recipe: str, metadata: dict[str, Any]) -> results.SweepRow:
    timings, accuracy = metadata.get("timings", {}), metadata.get("accuracy", {})
    return {
        "recipe": recipe,
        "size": metadata["payload"]["size"],
        "executorch_us": timings.get("executorch_us", 0.0),
        "eager_us": timings.get("eager_us", 0.0),
        "max_relative": accuracy.get("max_relative", 0.0),
        "cosine": accuracy.get("cosine", 0.0),
        "share": metadata["methods"][0].get("delegation", {}).get("share", 0.0),
    }


async def _in_thread(function: Callable[[], _T]) -> _T:
    import anyio

    return await anyio.to_thread.run_sync(function)
