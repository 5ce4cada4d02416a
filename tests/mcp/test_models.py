"""The models' tools in a real game: the official client drives every one of them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import godot_projects
from tests.mcp import http
from tests.mcp.clients.official_client import ERAS, connected
from tests.mcp.conftest import FIXTURE, TOKEN, GameServer, launch

MODELS = ["linear.pt2", "policy.pt2", "integers.pt2", "counter.pte", "two_methods.pte"]
TOOLS = [
    "list_models",
    "get_model_info",
    "run_inference",
    "health_check",
    "reset_stats",
    "benchmark_model",
    "profile_model",
    "get_memory_info",
    "list_backends",
]


@pytest.fixture(scope="module")
def modelled(
    tmp_path_factory: pytest.TempPathFactory, godot: Path, models: Path, artifact_cache: Path
) -> Iterator[GameServer]:
    """A game with models, and a link and a file that lead out of the project."""
    project = godot_projects.make(tmp_path_factory.mktemp("mcp") / "models", godot, artifact_cache)
    shutil.copytree(FIXTURE, project.path / "fixture")
    project.add([models / name for name in MODELS])
    project.import_all()
    outside = project.path.parent / "outside"
    outside.mkdir()
    shutil.copy(models / "linear_portable.pte", outside / "secret.pte")
    (project.path / "linked").symlink_to(outside, target_is_directory=True)
    server = launch(project, "res://fixture/server.tscn", f"token={TOKEN}", "models", "write")
    server.token = TOKEN
    yield server
    assert server.stop() == 0, server.output[-30:]
    assert server.errors() == []


def call(game: GameServer, tool: str, arguments: dict[str, Any] | None = None, mode: str = "auto") -> Any:
    async def talk() -> Any:
        async with connected(game.url, game.token, mode) as client:
            # Listed first, so that the client checks each result against its output schema.
            await client.list_tools()
            return await client.call_tool(tool, arguments or {})

    return asyncio.run(asyncio.wait_for(talk(), 180))


def structured(game: GameServer, tool: str, arguments: dict[str, Any] | None = None, mode: str = "auto") -> Any:
    result = call(game, tool, arguments, mode)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


@pytest.mark.parametrize("mode", list(ERAS))
def test_every_tool_is_listed_with_schemas(modelled: GameServer, mode: str) -> None:
    async def talk() -> Any:
        async with connected(modelled.url, modelled.token, mode) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(talk())}
    assert set(TOOLS) <= set(tools)
    for name in TOOLS:
        assert tools[name].output_schema is not None
        assert tools[name].input_schema["additionalProperties"] is False
        assert tools[name].annotations is not None
        assert tools[name].annotations.read_only_hint is (name != "reset_stats")


@pytest.mark.parametrize("mode", list(ERAS))
def test_list_models(modelled: GameServer, mode: str) -> None:
    listed = structured(modelled, "list_models", mode=mode)["models"]
    assert [model["path"] for model in listed] == sorted(f"res://models/{name}" for name in MODELS)
    assert {model["state"] for model in listed} == {"ready"}


@pytest.mark.parametrize("mode", list(ERAS))
def test_get_model_info(modelled: GameServer, mode: str) -> None:
    info = structured(modelled, "get_model_info", {"model": "res://models/policy.pt2"}, mode)
    assert info["path"] == "res://models/policy.pt2"
    assert info["methods"][0]["name"] == "forward"
    assert info["methods"][0]["inputs"][0]["dtype"] == "float32"


@pytest.mark.parametrize("mode", list(ERAS))
@pytest.mark.parametrize("name", ["res://models/linear.pt2", "models/linear.pt2", "linear.pt2", "linear"])
def test_run_inference(modelled: GameServer, mode: str, name: str) -> None:
    result = structured(modelled, "run_inference", {"model": name, "inputs": {"input_0": [2.5]}}, mode)
    (output,) = result["outputs"].values()
    assert output["data"] == pytest.approx([8.0], abs=1e-4)
    assert output["shape"] == [1, 1]
    assert result["time_us"] > 0


def test_run_integers(modelled: GameServer) -> None:
    info = structured(modelled, "get_model_info", {"model": "integers"})["methods"][0]["inputs"]
    inputs = {one["name"]: {"data": [1] * _count(one["shape"]), "shape": one["shape"]} for one in info}
    result = structured(modelled, "run_inference", {"model": "integers", "inputs": inputs})
    assert result["outputs"]


def test_state_is_the_tools_own(modelled: GameServer) -> None:
    """The counter adds each step to a buffer that starts at 5."""
    step = {"model": "counter", "inputs": {"input_0": [1.0]}}
    first = structured(modelled, "run_inference", step)["outputs"]
    again = structured(modelled, "run_inference", step)["outputs"]
    assert first == again
    kept = structured(modelled, "run_inference", {**step, "reset_state": False})["outputs"]
    assert kept != first


def test_calls_at_once_do_not_meet_in_the_state(modelled: GameServer) -> None:
    """Each begins with the model's first state."""
    step = {"model": "counter", "inputs": {"input_0": [1.0]}}
    assert structured(modelled, "run_at_once", step) == {"results": 1}


def test_other_method(modelled: GameServer) -> None:
    names = [one["name"] for one in structured(modelled, "get_model_info", {"model": "two_methods"})["methods"]]
    assert len(names) == 2
    for name in names:
        assert structured(modelled, "benchmark_model", {"model": "two_methods", "method": name, "runs": 3})
    result = call(modelled, "run_inference", {"model": "two_methods", "method": "nothing", "inputs": {}})
    assert result.is_error
    assert names[0] in result.content[0].text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "linear", "inputs": {}}, "missing"),
        ({"model": "linear", "inputs": {"input_0": [1.0], "other": [1.0]}}, "no input 'other'"),
        ({"model": "linear", "inputs": {"input_0": [1.0, 2.0]}}, "got 2 values. Give"),
        ({"model": "linear", "inputs": {"input_0": "text"}}, ""),
        ({"model": "linear", "inputs": {"input_0": [[1.0], ["x"]]}}, ""),
        ({"model": "integers", "inputs": {"tokens": [[0.5] * 6], "mask": [[1] * 6]}}, "int64"),
        ({"model": "nothing", "inputs": {}}, "list_models"),
        ({"model": "linear", "inputs": {"input_0": [1.0]}, "max_values": 0}, "at least 1"),
        ({"model": "linear"}, "'inputs' is missing"),
        ({"model": "linear", "inputs": {"input_0": [1.0]}, "path": "x"}, "not known"),
    ],
)
def test_wrong_arguments_are_explained(modelled: GameServer, arguments: dict[str, Any], words: str) -> None:
    result = call(modelled, "run_inference", arguments)
    assert result.is_error
    assert words in result.content[0].text


@pytest.mark.parametrize(
    "model",
    [
        "res://linked/secret.pte",
        "linked/secret.pte",
        "secret.pte",
        "res://../outside/secret.pte",
        "res://models/../../outside/secret.pte",
        "../outside/secret.pte",
        "/etc/passwd",
        "file:///etc/passwd",
        "user://x.pte",
        "uid://abc",
        "res://project.godot",
        "res://fixture/server.tscn",
        "res://models/linear.pt2::1",
    ],
)
def test_only_models_of_the_project(modelled: GameServer, model: str) -> None:
    for tool in ("get_model_info", "get_memory_info", "reset_stats", "benchmark_model", "profile_model"):
        result = call(modelled, tool, {"model": model})
        assert result.is_error
        assert "There is no model" in result.content[0].text


def test_health_backends_memory(modelled: GameServer) -> None:
    health = structured(modelled, "health_check")
    assert health["ok"], health["problems"]
    assert health["kind"] == "game"
    assert "XnnpackBackend" in structured(modelled, "list_backends")["backends"]
    structured(modelled, "run_inference", {"model": "linear", "inputs": {"input_0": [1.0]}})
    sessions = structured(modelled, "get_memory_info", {"model": "linear"})["sessions"]
    assert any(session["owner"] == "mcp" and session["memory"]["total"] > 0 for session in sessions)


def test_benchmark_and_statistics(modelled: GameServer) -> None:
    statistics = structured(modelled, "benchmark_model", {"model": "policy", "runs": 50})["statistics"]
    assert statistics["count"] == 50
    assert 0 < statistics["min_us"] <= statistics["p50_us"] <= statistics["p99_us"] <= statistics["max_us"]
    assert structured(modelled, "reset_stats", {"model": "policy"})["reset"] >= 1
    sessions = structured(modelled, "get_model_info", {"model": "policy"})["sessions"]
    assert {session["statistics"]["count"] for session in sessions} == {0}


def test_slow_model_stalls_neither_frames_nor_clients(modelled: GameServer) -> None:
    """While a model is run for seconds, other clients run models, and the frame loop answers what it must answer."""

    async def talk() -> None:
        async with (
            connected(modelled.url, modelled.token) as slow,
            connected(modelled.url, modelled.token) as quick,
        ):
            arguments = {"model": "policy", "runs": 100_000, "seconds": 3.0}
            benchmark = asyncio.create_task(slow.call_tool("benchmark_model", arguments))
            answers = 0
            while not benchmark.done():
                output = await quick.call_tool("run_inference", {"model": "linear", "inputs": {"input_0": [2.5]}})
                assert not output.is_error
                # Its callable runs in the frame loop.
                assert (await quick.call_tool("is_main_thread", {})).structured_content == {"main": True}
                answers += not benchmark.done()
            assert answers >= 3
            assert (await benchmark).structured_content["statistics"]["count"] > 3

    asyncio.run(asyncio.wait_for(talk(), 180))


def test_profile_and_resources(modelled: GameServer) -> None:
    profile = structured(modelled, "profile_model", {"model": "linear", "runs": 2})["profile"]
    assert profile["events"]

    async def talk() -> None:
        async with connected(modelled.url, modelled.token) as client:
            uris = {str(resource.uri) for resource in (await client.list_resources()).resources}
            prefix = "executorch://models/res%3A%2F%2Fmodels%2Flinear.pt2/"
            assert {"executorch://models", prefix + "metadata", prefix + "profile"} <= uris
            read = await client.read_resource(prefix + "profile")
            assert json.loads(read.contents[0].text)["events"]
            read = await client.read_resource(prefix + "metadata")
            assert json.loads(read.contents[0].text)["path"] == "res://models/linear.pt2"
            read = await client.read_resource("executorch://models/res%3A%2F%2Fmodels%2Fpolicy.pt2/metadata")
            assert json.loads(read.contents[0].text)["path"] == "res://models/policy.pt2"

    asyncio.run(asyncio.wait_for(talk(), 180))


def test_resource_of_no_model(modelled: GameServer) -> None:
    message = http.modern("resources/read", {"uri": "executorch://models/nothing/metadata"})
    reply = http.exchange(modelled.port, http.modern_post(message, modelled.token))
    assert "There is no model 'nothing'" in reply.json["error"]["message"]


def _count(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
