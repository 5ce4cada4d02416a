"""What the conformance suite expects of revision 2026-07-28: a call that needs input is answered with the question."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)
from pydantic import Field

from python_backend.mcp_server.server import ProjectServer

ABOUT = "Fixture of the conformance suite: asks the client first"
Round = Context[Any, Any]
Asked = str | InputRequiredResult


def offer(server: ProjectServer) -> None:
    """Register the tools and the prompt that ask."""
    _offer_single(server)
    _offer_states(server)
    _offer_checks(server)


def _offer_single(server: ProjectServer) -> None:
    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_elicitation(context: Round) -> Asked:
        return _once(context, {"user_name": _form("What is your name?", "name")})

    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_sampling(context: Round) -> Asked:
        return _once(context, {"capital_question": _sampling("What is the capital of France?")})

    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_list_roots(context: Round) -> Asked:
        return _once(context, {"client_roots": ListRootsRequest()})

    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_multiple_inputs(context: Round) -> Asked:
        questions = {
            "user_name": _form("What is your name?", "name"),
            "greeting": _sampling("Generate a greeting"),
            "client_roots": ListRootsRequest(),
        }
        return _once(context, questions, "multiple")

    @server.prompt(description=ABOUT)
    async def test_input_required_result_prompt(context: Round) -> Asked:
        return _once(context, {"user_context": _form("What context should the prompt use?", "context")})


def _offer_states(server: ProjectServer) -> None:
    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_request_state(context: Round) -> Asked:
        return _once(context, {"confirm": _form("Please confirm", "ok", "boolean")}, "checked")

    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_tampered_state(context: Round) -> Asked:
        return _once(context, {"confirm": _form("Please confirm", "ok", "boolean")}, "checked")

    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_multi_round(context: Round) -> Asked:
        given = context.input_responses or {}
        if "step2" in given:
            return f"{context.request_state} likes {_content(given['step2'])}"
        if "step1" in given:
            return InputRequiredResult(
                input_requests={"step2": _form("Your favorite color?", "color")},
                request_state=_content(given["step1"]),
            )
        return InputRequiredResult(input_requests={"step1": _form("Your name?", "name")}, request_state="first")


def _offer_checks(server: ProjectServer) -> None:
    @server.tool(description=ABOUT, structured_output=False)
    async def test_input_required_result_capabilities(context: Round) -> Asked:
        known = context.client_capabilities
        questions: dict[str, Any] = {}
        if known is not None and known.elicitation is not None:
            questions["elicit_input"] = _form("Value?", "value")
        if known is not None and known.sampling is not None:
            questions["sample_input"] = _sampling("Sample request")
        return _once(context, questions) if questions else "No supported capabilities declared"

    @server.tool(description=ABOUT, structured_output=False)
    async def test_missing_capability(context: Round) -> str:
        known = context.client_capabilities
        if known is None or known.sampling is None:
            needed = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "The client must support sampling.", needed)
        return "Success"

    @server.tool(description=ABOUT, structured_output=False)
    async def test_header_tool(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
        return f"called with {region}"


def _once(context: Round, questions: dict[str, Any], state: str | None = None) -> Asked:
    """The answers, when they are all there; else the questions."""
    given = context.input_responses or {}
    if all(key in given for key in questions):
        return f"state-ok: {context.request_state}; answers: {sorted(given)}"
    return InputRequiredResult(input_requests=questions, request_state=state)


def _content(answer: Any) -> str:
    return str(getattr(answer, "content", ""))


def _form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sampling(text: str) -> CreateMessageRequest:
    question = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[question], max_tokens=100))
