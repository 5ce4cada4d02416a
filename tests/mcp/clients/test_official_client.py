"""The official Python client against the engine's server, in both of the protocol's eras."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.mcp.clients.official_client import ERAS, connected
from tests.mcp.conftest import GameServer

pytestmark = pytest.mark.parametrize("mode", list(ERAS))


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 180))


def test_opens_with_the_revision(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            assert client.protocol_version == ERAS[mode]
            assert client.server_info is not None
            assert client.server_info.name == "fixture"
            assert client.server_capabilities.tools is not None

    run(talk())


def test_structured_content(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools["echo"].output_schema is not None
            for tool in ("echo", "echo_threaded"):
                result = await client.call_tool(tool, {"value": 41})
                assert not result.is_error
                assert result.structured_content == {"value": 41}
                assert json.loads(result.content[0].text) == {"value": 41}

    run(talk())


def test_arguments_are_validated(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            for arguments in ({}, {"value": "four"}, {"value": 1.5}):
                result = await client.call_tool("echo", arguments)
                assert result.is_error
                assert "schema" in result.content[0].text

    run(talk())


def test_result_that_breaks_its_schema(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            result = await client.session.call_tool("wrong", {})
            assert result.is_error
            assert "'value' is missing" in result.content[0].text

    run(talk())


def test_unknown_names(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            with pytest.raises(MCPError, match="Unknown tool"):
                await client.call_tool("no_such_tool", {})
            with pytest.raises(MCPError, match="not found"):
                await client.read_resource("test://nowhere")
            with pytest.raises(MCPError, match="Unknown prompt"):
                await client.get_prompt("no_such_prompt")

    run(talk())


def test_resources_and_templates(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            listed = {str(resource.uri) for resource in (await client.list_resources()).resources}
            assert "test://static-text" in listed
            templates = (await client.list_resource_templates()).resource_templates
            assert [template.uri_template for template in templates] == ["test://template/{id}/data"]
            read = await client.read_resource("test://template/a%20b/data")
            assert json.loads(read.contents[0].text)["id"] == "a b"

    run(talk())


def test_prompts_and_completion(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
            assert "arg1='a', arg2='b'" in prompt.messages[0].content.text
            with pytest.raises(MCPError, match="arg2"):
                await client.get_prompt("test_prompt_with_arguments", {"arg1": "a"})
            reference = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
            done = await client.complete(reference, {"name": "arg1", "value": "par"})
            assert done.completion.values == ["paris", "park", "party"]
            many = await client.complete(types.PromptReference(name="pick"), {"name": "city", "value": ""})
            assert (len(many.completion.values), many.completion.total) == (100, 300)
            assert many.completion.has_more

    run(talk())


def test_progress_and_log(game: GameServer, mode: str) -> None:
    progress: list[float] = []
    logged: list[str] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async def on_log(params: types.LoggingMessageNotificationParams) -> None:
        logged.append(params.data)

    async def talk() -> None:
        async with connected(game.url, game.token, mode, logging_callback=on_log, log_level="info") as client:
            await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
            await client.call_tool("test_tool_with_logging", {})

    run(talk())
    assert progress == [0.0, 50.0, 100.0]
    assert logged == ["Tool execution started", "Tool processing data", "Tool execution completed"]


def test_asks_the_user_and_the_model(game: GameServer, mode: str) -> None:
    async def on_elicit(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        wanted = next(iter(params.requested_schema["properties"]))
        return types.ElicitResult(action="accept", content={wanted: "blue"})

    async def on_sample(context: Any, params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
        return types.CreateMessageResult(
            role="assistant", content=types.TextContent(type="text", text="Paris"), model="test"
        )

    async def talk() -> None:
        options = {"elicitation_callback": on_elicit, "sampling_callback": on_sample}
        async with connected(game.url, game.token, mode, **options) as client:
            twice = await client.call_tool("test_input_required_result_multi_round", {})
            assert twice.content[0].text == "blue likes blue"
            sampled = await client.call_tool("test_sampling", {"prompt": "Capital?"})
            assert sampled.content[0].text == "LLM response: Paris"

    run(talk())


def test_client_that_cannot_be_asked(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            with pytest.raises(MCPError, match="sampling"):
                await client.call_tool("test_sampling", {"prompt": "Capital?"})

    run(talk())


def test_text_that_is_hard_to_write(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            result = await client.call_tool("odd", {})
            assert result.structured_content is not None
            text = result.structured_content["text"]
            assert text == 'tab\t vt\v bell\a unit\x1f quote" back\\ v\\v é 世界 😀'
            assert result.structured_content["nan"] is None
            assert result.structured_content["inf"] is None
            assert result.structured_content["v"] == [1, 2]

    run(talk())


def test_pages(start_game: Callable[..., GameServer], mode: str) -> None:
    game = start_game("page=3")

    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            names: list[str] = []
            cursor: str | None = None
            while True:
                page = await client.list_tools(cursor=cursor)
                assert len(page.tools) <= 3
                names += [tool.name for tool in page.tools]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert len(names) == len(set(names)) > 20
            with pytest.raises(MCPError, match="cursor"):
                await client.list_tools(cursor="bm9uc2Vuc2U=")

    run(talk())
    assert game.stop() == 0


def test_where_tools_run(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            assert (await client.call_tool("is_main_thread", {})).structured_content == {"main": True}
            assert (await client.call_tool("is_worker_thread", {})).structured_content == {"main": False}

    run(talk())


def test_changes_are_told(start_game: Callable[..., GameServer], mode: str) -> None:
    game = start_game()
    heard: list[str] = []

    async def on_message(message: Any) -> None:
        heard.append(getattr(message, "method", type(message).__name__))

    async def subscribe(client: Client) -> None:
        # The client opens its stream beside the first requests.
        await asyncio.sleep(0.5)
        await client.subscribe_resource("test://watched-resource")
        await client.call_tool("test_trigger_tool_change", {})
        while not any("resources/updated" in one for one in heard):
            await client.call_tool("touch", {})
            await asyncio.sleep(0.1)

    async def listen(client: Client) -> None:
        uris = ["test://watched-resource"]
        async with client.listen(tools_list_changed=True, resource_subscriptions=uris) as events:
            await client.call_tool("test_trigger_tool_change", {})
            await client.call_tool("touch", {})
            async for event in events:
                heard.append(type(event).__name__)
                if type(event).__name__ == "ResourceUpdated":
                    break

    async def talk() -> None:
        async with connected(game.url, game.token, mode, message_handler=on_message) as client:
            await (subscribe if mode == "legacy" else listen)(client)

    run(talk())
    wanted = ["list_changed", "resources/updated"] if mode == "legacy" else ["ToolsListChanged", "ResourceUpdated"]
    for part in wanted:
        assert any(part.lower() in one.lower() for one in heard), heard
    assert game.stop() == 0


def test_cancelled_call(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as client:
            with pytest.raises((TimeoutError, MCPError)):
                await client.call_tool("slow", {}, read_timeout_seconds=0.2)
            assert (await client.call_tool("echo", {"value": 1})).structured_content == {"value": 1}

    run(talk())


def test_slow_tool_delays_no_other_call(game: GameServer, mode: str) -> None:
    async def talk() -> None:
        async with connected(game.url, game.token, mode) as one, connected(game.url, game.token, mode) as other:
            slow = asyncio.create_task(one.call_tool("hang_long", {}))
            await asyncio.sleep(0.2)
            for tool in ("echo", "echo_threaded"):
                assert (await other.call_tool(tool, {"value": 2})).structured_content == {"value": 2}
            assert not slow.done()
            slow.cancel()

    run(talk())
