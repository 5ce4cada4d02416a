"""The tools of the MCP server without an engine, driven by the official client over stdio and HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import psutil
import pytest
from mcp import Client

from importer.errors import ImporterError
from importer.jobs import reading
from importer.options import ImportOptions
from python_backend.mcp_server.project import Project
from python_backend.mcp_server.tools import Tools
from tests.processes import named
from tests.python_backend.mcp.client import OUR_TOOLS, HttpServer, parameters, run, structured, text


def test_links_to_nowhere_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "project.godot").write_bytes(b"")
    (tmp_path / "fetched.pt").write_bytes(b"bytes")
    (tmp_path / "not_fetched.pt").symlink_to("annex/objects/net.pt")
    (tmp_path / "loop.pt").symlink_to("loop.pt")
    listed = asyncio.run(Tools(Project(tmp_path), allow_write=False).list_project_models())
    assert [model["path"] for model in listed["models"]] == ["res://fetched.pt"]


def test_a_link_in_the_place_of_the_cache_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    (tmp_path / "game" / "project.godot").write_text("config_version=5\n", encoding="utf-8")
    project = Project(tmp_path / "game")
    assert project.cache() == tmp_path / "game" / ".godot" / "executorch_cache"
    for target in (tmp_path / "elsewhere", tmp_path / "game" / ".godot"):
        (tmp_path / "game" / ".godot").unlink(missing_ok=True)
        (tmp_path / "game" / ".godot").symlink_to(target)
        with pytest.raises(ImporterError) as caught:
            project.cache()
        assert caught.value.code == "PATH_OUTSIDE_PROJECT"


def test_others_are_answered_while_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project.godot").write_bytes(b"")
    (tmp_path / "large.pt").write_bytes(b"bytes")
    entry = {"kind": "pte", "size": 5, "problem": ""}
    answers = {"inspect": {}, "kinds": [entry]}
    monkeypatch.setattr(reading, "read", lambda task, *_: time.sleep(0.5) or answers[task])
    tools = Tools(Project(tmp_path), allow_write=False)

    async def scene() -> None:
        for question in (tools.inspect_model("large.pt"), tools.list_project_models()):
            task = asyncio.create_task(question)
            turns = 0
            while not task.done():
                await asyncio.sleep(0.01)
                turns += 1
            assert turns > 5

    run(scene)


@pytest.mark.parametrize("transport", [pytest.param("stdio", marks=pytest.mark.slow), "http"])
def test_every_tool(game: Path, data_home: Path, http_server: HttpServer, transport: str) -> None:
    async def scene() -> None:
        connected = http_server.client() if transport == "http" else Client(parameters(game, data_home))
        async with connected as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == OUR_TOOLS
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
            assert all(tool.description and tool.output_schema for tool in tools.values())
            assert tools["inspect_model"].input_schema["required"] == ["model"]
            assert all(tool.input_schema["additionalProperties"] is False for tool in tools.values())
            names = {field.name for field in fields(ImportOptions)}
            for tool in ("convert_model", "validate_model", "compare_models", "sweep_recipes", "profile_model"):
                assert names - {"recipe"} <= set(tools[tool].input_schema["properties"]), tool

            listed = structured(await client.call_tool("list_project_models", {}))
            kinds = {model["path"]: model["kind"] for model in listed["models"]}
            assert kinds["res://models/linear.pt"] == "exported_program"
            assert kinds["res://models/linear_portable.pte"] == "pte"
            assert kinds["res://models/noise.pt"] == ""
            assert "res://models/way_out.pt" not in kinds
            assert not any(".godot" in path for path in kinds)

            model = {"model": "res://models/linear.pt"}
            program = {"model": "models/linear_portable.pte"}
            inspected = structured(await client.call_tool("inspect_model", program))
            assert inspected["methods"][0]["name"] == "forward"

            reported: list[tuple[float, str]] = []

            async def progressed(progress: float, total: float | None, message: str | None) -> None:
                reported.append((progress, message or ""))

            converted = structured(await client.call_tool("convert_model", model, progress_callback=progressed))
            assert converted["metadata"]["accuracy"]["max_absolute"] < 1e-4
            assert converted["written"] == ""
            assert reported
            assert [step for step, _ in reported] == sorted(step for step, _ in reported)

            valid = structured(await client.call_tool("validate_model", program))
            assert valid["valid"]
            assert valid["timings"]["forward"] > 0
            invalid = structured(await client.call_tool("validate_model", {"model": "res://models/noise.pt"}))
            assert not invalid["valid"]
            assert invalid["error"]["code"]
            assert invalid["error"]["remedy"]

            both = {"first": "res://models/linear_portable.pte", "second": "res://models/linear.pt"}
            compared = structured(await client.call_tool("compare_models", both))
            assert compared["difference"]["max_absolute"] < 1e-4
            assert [side["path"] for side in compared["programs"]] == [both["first"], both["second"]]
            numbers = np.arange(8, dtype=np.float32).reshape(8, 1)
            np.savez(game / "models" / "labelled.npz", input_0=numbers, target=numbers)
            labelled = {**both, "evaluate": "res://models/labelled.npz", "metric": "mae"}
            measured = structured(await client.call_tool("compare_models", labelled))["evaluation"]
            assert measured["metric"] == "mae" and measured["samples"] == 8 and abs(measured["difference"]) < 1e-4

            swept = structured(await client.call_tool("sweep_recipes", {**model, "recipes": ["portable", "best"]}))
            assert [row["recipe"] for row in swept["rows"]] == ["portable", "best"]
            assert swept["rows"][0]["size"] > 0
            assert swept["rows"][1]["error"] == "OPTION_INVALID"

            profiled = structured(await client.call_tool("profile_model", {**program, "runs": 50}))
            assert profiled["latency"]["count"] == 50
            assert profiled["operators"]

            assert structured(await client.call_tool("doctor", {}))["ok"]
        assert not (game / ".godot" / "executorch_cache").exists(), "a read-only server wrote into the project"

    run(scene)


@pytest.mark.slow
def test_sweep_over_http(http_server: HttpServer) -> None:
    async def scene() -> None:
        async with http_server.client() as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == OUR_TOOLS
            rows = structured(await client.call_tool("sweep_recipes", {"model": "res://models/linear.pt"}))["rows"]
            by_recipe = {row["recipe"]: row for row in rows}
            assert by_recipe["xnnpack_fp32"]["max_relative"] < 1e-3
            assert by_recipe["portable"]["size"] > 0
            assert len(rows) >= 7
            assert all("error" in row or row["executorch_us"] > 0 for row in rows)

    run(scene)


def test_failures_have_code_cause_and_remedy(http_server: HttpServer) -> None:
    cases = {
        "PATH_OUTSIDE_PROJECT": [
            "../secret.pt",
            "/etc/passwd",
            "res://../secret.pt",
            "res://models/way_out.pt",
            "models/../../secret.pt",
            "res://.godot/hidden.pt",
            "a\0b",
            "",
            "res:///etc/passwd",
        ],
        "FILE_NOT_READABLE": ["res://models/none.pt", "res://models"],
    }

    async def scene() -> None:
        async with http_server.client() as client:
            for code, paths in cases.items():
                for path in paths:
                    for tool in ("inspect_model", "profile_model", "convert_model", "validate_model"):
                        result = await client.call_tool(tool, {"model": path})
                        assert result.is_error, path
                        assert text(result).startswith(code), (path, text(result))
            model = {"model": "res://models/linear.pt"}
            refused = await client.call_tool("convert_model", {**model, "output": "res://x.pte"})
            assert text(refused).startswith("READ_ONLY")
            needs = await client.call_tool("convert_model", {"model": "res://models/linear_state_dict.pth"})
            assert "STATE_DICT_NEEDS_FACTORY" in text(needs)
            wrong = await client.call_tool("convert_model", {**model, "recipe": "best"})
            assert "OPTION_INVALID" in text(wrong)
            outside = await client.call_tool("convert_model", {**model, "factory": "res://../evil.py:build"})
            assert outside.is_error
            assert (await client.call_tool("profile_model", {**model, "runs": -1})).is_error
            unknown = await client.call_tool("convert_model", {**model, "recipie": "portable"})
            assert unknown.is_error and text(unknown).startswith("OPTION_INVALID") and "'recipie'" in text(unknown)
            assert "factory_arguments" in text(unknown)  # what it takes
            for arguments in ({}, {"model": 3}):
                failed = await client.call_tool("inspect_model", arguments)
                assert failed.is_error and text(failed).startswith("OPTION_INVALID: The tool inspect_model")
                assert "model: " in text(failed) and "pydantic" not in text(failed)
            for more in ({"recurrent": "loop"}, {"max_relative_error": "much"}, {"deadline_seconds": "soon"}):
                assert (await client.call_tool("convert_model", {**model, **more})).is_error, more
            assert (await client.call_tool("inspect_model", {"model": ["list"]})).is_error

    run(scene)


@pytest.mark.slow
def test_writing_when_allowed(game: Path, data_home: Path) -> None:
    async def scene() -> None:
        async with Client(parameters(game, data_home, "--allow-write")) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            hints = tools["convert_model"].annotations
            assert hints is not None
            assert not hints.read_only_hint
            model = {"model": "res://models/linear.pt"}
            written = structured(await client.call_tool("convert_model", {**model, "output": "res://made/linear.pte"}))
            assert written["written"] == "res://made/linear.pte"
            assert (game / "made" / "linear.pte").read_bytes()[4:8] == b"ET12"
            assert [path.name for path in (game / "made").iterdir()] == ["linear.pte"]

    run(scene)


def test_places_that_are_never_written(game: Path, data_home: Path) -> None:
    async def scene() -> None:
        async with Client(parameters(game, data_home, "--allow-write")) as client:
            model = {"model": "res://models/linear.pt"}
            for place in ("../linear.pte", "res://models/way_out.pt/x.pte", "res://.godot/x.pte"):
                refused = await client.call_tool("convert_model", {**model, "output": place})
                assert text(refused).startswith("PATH_OUTSIDE_PROJECT"), place
            script = await client.call_tool("convert_model", {**model, "output": "res://main.gd"})
            assert text(script).startswith("OPTION_INVALID")

    run(scene)
    assert not (game.parent / "linear.pte").exists()


def test_a_cancelled_call_ends_its_process(game: Path, http_server: HttpServer) -> None:
    async def scene() -> None:
        arguments = {"model": "res://models/linear_state_dict.pth", "factory": "res://models/net.py:build"}
        async with http_server.client() as client:
            call = asyncio.create_task(client.call_tool("convert_model", arguments))
            while not named("mcp_was_asked"):
                await asyncio.sleep(0.05)
            before = jobs_of(http_server.process.pid)
            assert before
            # Other tools go on meanwhile.
            assert not (await client.call_tool("list_project_models", {})).is_error
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            end = time.monotonic() + 90
            while jobs_of(http_server.process.pid):
                assert time.monotonic() < end, "the job outlived its request"
                await asyncio.sleep(0.05)

    run(scene)


def jobs_of(pid: int) -> list[int]:
    """Processes forked from the warm parent."""
    children = psutil.Process(pid).children()
    parents = [child for child in children if "start.py warm" in " ".join(child.cmdline())]
    return [job.pid for parent in parents for job in parent.children()]


def test_a_project_is_its_own_world(game: Path, tmp_path: Path) -> None:
    with pytest.raises(ImporterError):
        Project(tmp_path)
    project = Project(game)
    assert project.name(project.file("res://models/linear.pt")) == "res://models/linear.pt"
    loop = game / "models" / "loop.pt"
    loop.symlink_to(loop)
    try:
        with pytest.raises(ImporterError):
            project.file("res://models/loop.pt")
    finally:
        loop.unlink()
