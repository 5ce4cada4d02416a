"""What the official conformance suite expects a server to offer, registered on the real project server."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp_types import (
    AudioContent,
    Completion,
    ContentBlock,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    JSONRPCMessage,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    Tool,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

from python_backend.mcp_server.server import ProjectServer
from tests.python_backend.mcp import conformance_rounds

# A picture and a sound in base64, and a schema with many keywords; the fixture of the engine's server has them too.
CONTENT = json.loads((Path(__file__).parents[2] / "mcp" / "fixture" / "conformance.json").read_text(encoding="utf-8"))
ABOUT = "Fixture of the conformance suite"


class FixtureServer(ProjectServer):
    """The project's server with the suite's tools, resources and prompts beside its own."""

    async def list_tools(self) -> list[Tool]:
        tools = await super().list_tools()
        return [
            tool.model_copy(update={"input_schema": CONTENT["schema"]})
            if tool.name == "json_schema_2020_12_tool"
            else tool
            for tool in tools
        ]


class Events(EventStore):
    """Events of all streams in memory, so that a client can come back for them."""

    def __init__(self) -> None:
        self._events: list[tuple[StreamId, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        self._events.append((stream_id, message))
        return str(len(self._events) - 1)

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        last = int(last_event_id)
        stream = self._events[last][0]
        for number in range(last + 1, len(self._events)):
            owner, message = self._events[number]
            if owner == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class Answer(BaseModel):
    response: str = Field(description="User's response")


class Defaults(BaseModel):
    name: str = Field(default="John Doe", description="User name")
    age: int = Field(default=30, description="User age")
    score: float = Field(default=95.5, description="User score")
    status: Literal["active", "inactive", "pending"] = Field(default="active")
    verified: bool = Field(default=True, description="Verification status")


def offer(server: FixtureServer) -> None:
    """Register everything by the SDK's public decorators."""
    _offer_content(server)
    _offer_conversation(server)
    _offer_resources(server)
    _offer_prompts(server)
    _offer_session_methods(server)
    conformance_rounds.offer(server)


def _offer_content(server: FixtureServer) -> None:
    @server.tool(description=ABOUT, structured_output=False)
    async def test_simple_text() -> str:
        return "This is a simple text response for testing."

    @server.tool(description=ABOUT, structured_output=False)
    async def test_image_content() -> list[ContentBlock]:
        return [_image()]

    @server.tool(description=ABOUT, structured_output=False)
    async def test_audio_content() -> list[ContentBlock]:
        return [AudioContent(type="audio", data=CONTENT["sound"], mime_type="audio/wav")]

    @server.tool(description=ABOUT, structured_output=False)
    async def test_embedded_resource() -> list[ContentBlock]:
        return [_embedded("test://embedded-resource")]

    @server.tool(description=ABOUT, structured_output=False)
    async def test_multiple_content_types() -> list[ContentBlock]:
        words = TextContent(type="text", text="Multiple content types test:")
        return [words, _image(), _embedded("test://mixed-content-resource")]

    @server.tool(description=ABOUT, structured_output=False)
    async def test_error_handling() -> str:
        raise ToolError("This tool intentionally returns an error for testing")

    @server.tool(description=ABOUT, structured_output=False)
    async def test_tool_with_logging(context: Context[Any, Any]) -> str:
        for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await context.session.send_log_message("info", message, related_request_id=context.request_id)
            await anyio.sleep(0.05)
        return "Tool with logging executed successfully"

    @server.tool(description=ABOUT, structured_output=False)
    async def test_tool_with_progress(context: Context[Any, Any]) -> str:
        for step in (0, 50, 100):
            await context.report_progress(step, 100, f"Completed step {step} of 100")
            await anyio.sleep(0.05)
        return "done"

    @server.tool(description=ABOUT, structured_output=False)
    async def test_streaming_elicitation(context: Context[Any, Any]) -> str:
        for step in (0, 50, 100):
            await context.report_progress(step, 100)
        return "done"

    @server.tool(description=ABOUT, structured_output=False)
    async def test_reconnection(context: Context[Any, Any]) -> str:
        await context.close_sse_stream()
        await anyio.sleep(0.1)
        return "Reconnection test completed successfully."

    @server.tool(description=ABOUT, structured_output=False)
    async def json_schema_2020_12_tool(name: str = "") -> str:
        return f"called with {name}"


def _offer_conversation(server: FixtureServer) -> None:
    @server.tool(description=ABOUT, structured_output=False)
    async def test_sampling(prompt: str, context: Context[Any, Any]) -> str:
        question = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
        answer = await context.session.create_message([question], max_tokens=100, related_request_id=context.request_id)
        return f"LLM response: {getattr(answer.content, 'text', '')}"

    @server.tool(description=ABOUT, structured_output=False)
    async def test_elicitation(message: str, context: Context[Any, Any]) -> str:
        return _told("User response", await context.elicit(message, Answer))

    @server.tool(description=ABOUT, structured_output=False)
    async def test_elicitation_sep1034_defaults(context: Context[Any, Any]) -> str:
        return _told("Elicitation completed", await context.elicit("Please fill in", Defaults))

    @server.tool(description=ABOUT, structured_output=False)
    async def test_elicitation_sep1330_enums(context: Context[Any, Any]) -> str:
        answer = await context.session.elicit_form("Please fill in", _enums_form(), context.request_id)
        return f"Elicitation completed: action={answer.action}, content={answer.content}"


def _offer_resources(server: FixtureServer) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        return base64.b64decode(CONTENT["pixel"])

    @server.resource("test://watched-resource")
    async def watched() -> str:
        return "watched"

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def template(id: str) -> dict[str, Any]:
        return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}


def _offer_prompts(server: FixtureServer) -> None:
    @server.prompt(description=ABOUT)
    async def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description=ABOUT)
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description=ABOUT)
    async def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
        return [UserMessage(_embedded(resourceUri)), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description=ABOUT)
    async def test_prompt_with_image() -> list[UserMessage]:
        return [UserMessage(_image()), UserMessage("Please analyze the image above.")]

    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        found = [name for name in ("paris", "park", "party") if name.startswith(argument.value)]
        return Completion(values=found, total=len(found), has_more=False)


def _offer_session_methods(server: FixtureServer) -> None:
    """Methods of sessions that the SDK's high-level class leaves to its lower one."""

    async def done(context: Any, params: Any) -> EmptyResult:
        return EmptyResult()

    lower = server._lowlevel_server
    lower.add_request_handler("logging/setLevel", SetLevelRequestParams, done)
    lower.add_request_handler("resources/subscribe", SubscribeRequestParams, done)
    lower.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, done)


def _image() -> ImageContent:
    return ImageContent(type="image", data=CONTENT["pixel"], mime_type="image/png")


def _embedded(uri: str) -> EmbeddedResource:
    text = "Embedded resource content for testing."
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type="text/plain", text=text))


def _told(words: str, answer: Any) -> str:
    data = getattr(answer, "data", None)
    return f"{words}: action={answer.action}, content={data.model_dump_json() if data is not None else {}}"


def _enums_form() -> dict[str, Any]:
    choices = ["option1", "option2", "option3"]
    titled = [
        {"const": "value1", "title": "First Option"},
        {"const": "value2", "title": "Second Option"},
        {"const": "value3", "title": "Third Option"},
    ]
    legacy = ["opt1", "opt2", "opt3"]
    many = {"type": "array", "minItems": 1, "maxItems": 3}
    properties = {
        "untitledSingle": {"type": "string", "description": "Select one", "enum": choices},
        "titledSingle": {"type": "string", "description": "Select one with titles", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": legacy, "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {**many, "items": {"type": "string", "enum": choices}},
        "titledMulti": {**many, "items": {"anyOf": titled}},
    }
    return {"type": "object", "properties": properties, "required": []}
