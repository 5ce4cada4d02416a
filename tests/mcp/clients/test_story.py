"""What an assistant does with one entry in its configuration: the Python server, and by it a game and the editor."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from mcp import Client

from tests.godot_projects import GodotProject
from tests.mcp.test_start import autoloaded, editor_command, running
from tests.python_backend.mcp.client import OUR_TOOLS, parameters, run, structured, text

__all__ = ["autoloaded"]


def test_from_a_file_to_the_editor(autoloaded: GodotProject) -> None:
    game_command = [autoloaded.godot, "--headless", "--path", autoloaded.path, "--", "--executorch-mcp"]
    home = Path(autoloaded.environment["XDG_DATA_HOME"])
    settings = {"executorch/mcp/run_in_editor": "true", "executorch/mcp/allow_write_in_editor": "true"}
    with (
        running(autoloaded, editor_command(autoloaded, settings), "loading_editor_layout") as (editor, editor_output),
        running(autoloaded, game_command) as (game, _),
    ):
        assert editor is not None, editor_output[-20:]
        assert game is not None

        async def scene() -> None:
            async with Client(parameters(autoloaded.path, home, "--allow-write")) as client:
                await tell_story(client)

        run(scene)


async def tell_story(client: Client) -> None:
    async def call(tool: str, **arguments: Any) -> dict[str, Any]:
        return structured(await client.call_tool(tool, arguments))

    names = {tool.name for tool in (await client.list_tools()).tools}
    assert names >= OUR_TOOLS | {"editor_list_models", "game_list_models", "editor_rescan_files"}
    assert "game_reset_stats" not in names, "the game did not allow writing"

    known = {"model": "res://models/linear.pt2"}
    assert [model["path"] for model in (await call("game_list_models"))["models"]] == [known["model"]]
    info = await call("game_get_model_info", **known)
    assert info["methods"][0]["inputs"][0]["shape"] == [1, 1]
    output = (await call("game_run_inference", **known, inputs={"input_0": [2.5]}))["outputs"]
    assert next(iter(output.values()))["data"][0] - 8 < 1e-4
    assert (await call("game_benchmark_model", **known, runs=20))["statistics"]["count"] == 20
    assert (await call("game_profile_model", **known, runs=3))["profile"]["events"]

    refused = await client.call_tool("game_run_inference", {**known, "inputs": {"input_0": [1, 2, 3]}})
    assert refused.is_error
    assert "expected float32[1,1]" in text(refused)
    assert "get_model_info" in text(refused), "the remedy names no tool"

    made = await call("convert_model", model=known["model"], output="res://models/made.pte", recipe="portable")
    assert made["written"] == "res://models/made.pte"
    await call("editor_rescan_files")
    end = time.monotonic() + 120
    states: dict[str, str] = {}
    while states.get("res://models/made.pte") != "ready":
        assert time.monotonic() < end, states
        states = {model["path"]: model["state"] for model in (await call("editor_list_models"))["models"]}
        await asyncio.sleep(0.2)
    answer = await call("editor_run_inference", model="made", inputs={"input_0": [2.5]})
    assert next(iter(answer["outputs"].values()))["data"][0] - 8 < 1e-4
    assert (await call("editor_reset_stats"))["reset"] >= 1
