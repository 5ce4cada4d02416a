"""The tools. Each docstring is what an assistant reads; they raise errors with code, cause and remedy."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from mcp.server.mcpserver import Context
from pydantic import Field

from python_backend import conversion, environment
from python_backend.errors import BackendError
from python_backend.mcp_server import results
from python_backend.mcp_server.jobs import ToolJobs, convert_params
from python_backend.mcp_server.project import Project
from python_backend.worker import Limits

ModelPath = Annotated[str, Field(description="A model file of the project, such as res://models/net.pt")]
Recipe = Annotated[str, Field(description="How to lower the model; `auto` chooses. `sweep_recipes` compares all.")]
Inputs = Annotated[str, Field(description="Inputs, such as `x: float32[1,3,224,224]`; empty = from the file")]
Factory = Annotated[str, Field(description="For a state dict: res://models/net.py:build builds the architecture")]

_MEASURE = "python_backend.profiling.measure:measure"
_CONVERT = "python_backend.conversion:convert"
_COMPARE = "python_backend.conversion:compare"
_RUN = "python_backend.conversion:validate"
_SECONDS = 600

_T = TypeVar("_T")


class Tools:
    """The tools of one project. Without `allow_write` nothing in the project is changed."""

    def __init__(self, project: Project, allow_write: bool) -> None:
        self._project = project
        self._allow_write = allow_write
        self._jobs = ToolJobs()

    async def list_project_models(self) -> results.ModelList:
        """List the project's model files with their kind and size."""
        models = await _in_thread(lambda: [_listed(self._project, path) for path in self._project.models()])
        return {"project": str(self._project.root), "models": models}

    async def inspect_model(self, path: ModelPath) -> dict[str, Any]:
        """Read a model file without running it: methods, inputs, outputs, operators, delegates, memory."""
        source = self._project.file(path)
        return await _in_thread(lambda: conversion.inspect(source))

    async def convert_model(
        self,
        path: ModelPath,
        context: Context[Any, Any],
        recipe: Recipe = "auto",
        inputs: Inputs = "",
        factory: Factory = "",
        output: Annotated[str, Field(description="Write the program here, such as res://models/net.pte")] = "",
    ) -> results.Conversion:
        """Convert a PyTorch model to an ExecuTorch program, run it, and compare it with PyTorch.

        Read-only servers convert into a temporary folder and only report; `output` needs a server that may write.
        """
        source, options = self._project.file(path), _options(recipe, inputs, factory)
        target = self._writable(output) if output else None
        with self._cache() as cache:
            found = await self._convert(source, cache, options, context)
            if target is not None:
                _install(Path(found["entry"]), target)
            return {
                "metadata": found["metadata"],
                "key": found["key"],
                "written": self._project.name(target) if target else "",
            }

    async def validate_model(
        self,
        path: ModelPath,
        context: Context[Any, Any],
        recipe: Recipe = "auto",
        inputs: Inputs = "",
        factory: Factory = "",
    ) -> results.Validation:
        """Check that a model works: a `.pte` is loaded and run, others are converted and compared with PyTorch."""
        source, options = self._project.file(path), _options(recipe, inputs, factory)
        try:
            if conversion.is_program(source):
                found = await self._jobs.run(_RUN, {"source": str(source)}, Limits(_SECONDS), context)
                return {"valid": True, "error": {}, "accuracy": {}, "timings": found}
            with self._cache() as cache:
                metadata = (await self._convert(source, cache, options, context))["metadata"]
        except BackendError as error:
            return {"valid": False, "error": error.data(), "accuracy": {}, "timings": {}}
        return {
            "valid": True,
            "error": {},
            "accuracy": metadata.get("accuracy", {}),
            "timings": metadata.get("timings", {}),
        }

    async def compare_models(self, first: ModelPath, second: ModelPath, context: Context[Any, Any]) -> dict[str, Any]:
        """Run the same random inputs through two models and compare results, size, memory and speed."""
        paths = [self._project.file(first), self._project.file(second)]
        with self._cache() as cache:
            programs = [str(await self._program(path, cache, context)) for path in paths]
            params = {"first": programs[0], "second": programs[1]}
            found: dict[str, Any] = await self._jobs.run(_COMPARE, params, Limits(_SECONDS), context)
            for side, path in zip(found["programs"], paths, strict=True):
                side["path"] = self._project.name(path)
            return found

    async def sweep_recipes(
        self,
        path: ModelPath,
        context: Context[Any, Any],
        recipes: Annotated[Sequence[str], Field(description="Recipes to compare; empty = all of them")] = (),
        inputs: Inputs = "",
        factory: Factory = "",
    ) -> results.Sweep:
        """Convert a model with several recipes and compare size, speed, accuracy and delegation, to choose one."""
        from importer.options import RECIPES

        source = self._project.file(path)
        rows: list[results.SweepRow] = []
        with self._cache() as cache:
            for recipe in recipes or RECIPES[1:]:
                try:
                    found = await self._convert(source, cache, _options(recipe, inputs, factory), context, recipe)
                except BackendError as error:
                    rows.append({"recipe": recipe, "error": error.code, "cause": error.cause})
                else:
                    rows.append(_sweep_row(recipe, found["metadata"]))
        return {"rows": rows}

    async def profile_model(
        self,
        path: ModelPath,
        context: Context[Any, Any],
        method: Annotated[str, Field(description="Empty = forward")] = "",
        runs: Annotated[int, Field(ge=0, le=100_000, description="0 = as many as fit into two seconds")] = 0,
        threads: Annotated[
            int, Field(ge=0, le=256, description="0 = as in a game: one less than there are fast cores")
        ] = 0,
    ) -> dict[str, Any]:
        """Measure a model on this machine: latency (p50, p90, p99), time of each operator, memory. Times are in us."""
        source = self._project.file(path)
        with self._cache() as cache:
            program = await self._program(source, cache, context)
            params = {"path": str(program), "method": method, "runs": runs, "threads": threads}
            found: dict[str, Any] = await self._jobs.run(_MEASURE, params, Limits(_SECONDS), context)
        # Thousands of samples and events help no assistant; the report has them.
        del found["samples_us"], found["trace"]["events"]
        return {**found, "path": self._project.name(source), "name": source.stem}

    async def doctor(self) -> results.Doctor:
        """Check the Python environment; each problem comes with the command that mends it."""
        checks = [check.data() for check in await _in_thread(environment.doctor)]
        return {"ok": all(check["ok"] for check in checks), "checks": checks}

    async def _convert(
        self, source: Path, cache: Path, options: dict[str, Any], context: Context[Any, Any], part: str = ""
    ) -> dict[str, Any]:
        params = convert_params(source, self._project.root, cache, options, self._project.name(source))
        result: dict[str, Any] = await self._jobs.run(_CONVERT, params, Limits(_SECONDS), context, part)
        return result

    async def _program(self, source: Path, cache: Path, context: Context[Any, Any]) -> Path:
        if conversion.is_program(source):
            return source
        found = await self._convert(source, cache, {}, context, source.name)
        return Path(found["entry"]) / "model.pte"

    @contextlib.contextmanager
    def _cache(self) -> Iterator[Path]:
        """The project's own artifact cache, or a temporary one when nothing may be written."""
        if self._allow_write:
            yield self._project.root / ".godot" / "executorch_cache"
            return
        with tempfile.TemporaryDirectory(prefix="executorch-mcp-") as folder:
            yield Path(folder)

    def _writable(self, output: str) -> Path:
        if not self._allow_write:
            cause = f"This server may not write, so {output} is not made."
            raise BackendError("READ_ONLY", cause, "Start it with --allow-write, or leave `output` out.")
        target = self._project.place(output)
        if target.suffix != ".pte":
            raise BackendError("OPTION_INVALID", f"{output} does not end with .pte.", "Give such a name.")
        return target


def _options(recipe: str, inputs: str, factory: str) -> dict[str, Any]:
    given = {"recipe": recipe, "inputs": inputs, "factory": factory}
    return {name: value for name, value in given.items() if value}


def _install(entry: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for name, destination in (("model.pte", target), ("model.ptd", target.with_suffix(".ptd"))):
        if (entry / name).exists():
            temporary = destination.with_name(f".{destination.name}.{os.getpid()}.part")
            try:
                shutil.copyfile(entry / name, temporary)
                temporary.replace(destination)
            finally:
                temporary.unlink(missing_ok=True)
        else:  # an earlier program's
            destination.unlink(missing_ok=True)


def _listed(project: Project, path: Path) -> results.ModelFile:
    from importer.errors import ImporterError
    from importer.sniff import sniff

    try:
        sniffed = sniff(path)
        return {"path": project.name(path), "kind": sniffed.kind, "size": sniffed.size, "problem": ""}
    except ImporterError as error:
        return {"path": project.name(path), "kind": "", "size": path.stat().st_size, "problem": error.cause}


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
