"""The server: our tools, and those of running engines, over stdio or HTTP."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any, cast

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolResult, InputRequiredResult, TextContent, Tool, ToolAnnotations
from pydantic import ValidationError
from starlette.applications import Starlette

from importer.errors import ImporterError, from_exception
from python_backend import environment
from python_backend.mcp_server.access import RequireToken, load_or_make_token, token_file
from python_backend.mcp_server.engine import Engines
from python_backend.mcp_server.http_connections import MAX_CONNECTIONS, MAX_UNPROVEN, Connections
from python_backend.mcp_server.project import Project
from python_backend.mcp_server.tools import Tools

MAX_BODY = 1 << 20
_INSTRUCTIONS = (
    "Models of one Godot project. Start with list_project_models, then inspect_model. Paths are res://... "
    "Tools named editor_... and game_... run inside a running editor or game of the project."
)


class ProjectServer(MCPServer[Any]):
    """Our own tools and, at every listing, those of the engines that run."""

    def __init__(self, project: Project, allow_write: bool) -> None:
        super().__init__(
            "executorch-project",
            title="Godot ExecuTorch",
            version=environment.importer_version(),
            instructions=_INSTRUCTIONS,
            log_level="WARNING",
        )
        self._engines = Engines(project.root)
        tools = Tools(project, allow_write)
        reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)
        writing = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)
        for function in (
            tools.list_project_models,
            tools.inspect_model,
            tools.convert_model,
            tools.validate_model,
            tools.compare_models,
            tools.sweep_recipes,
            tools.profile_model,
            tools.doctor,
        ):
            writes = allow_write and function.__name__ not in ("list_project_models", "inspect_model", "doctor")
            self.add_tool(function, annotations=writing if writes else reading)

    async def list_tools(self) -> list[Tool]:
        return [*await self._own_tools(), *await self._engines.list_tools()]

    async def _own_tools(self) -> list[Tool]:
        """With schemas that say that no other argument is taken."""
        closed = {"additionalProperties": False}
        tools = await super().list_tools()
        return [tool.model_copy(update={"input_schema": {**tool.input_schema, **closed}}) for tool in tools]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        answer = await self._engines.call(name, arguments)
        if answer is not None:
            return answer
        known = {tool.name: tool.input_schema.get("properties", {}) for tool in await self._own_tools()}
        if name in known and (unknown := [word for word in arguments if word not in known[name]]):
            refusal = TextContent(type="text", text=_told(_unknown_arguments(name, unknown, list(known[name]))))
            return CallToolResult(content=[refusal], is_error=True)
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__
            if cause is None:
                raise
            if isinstance(cause, ValidationError):
                found = _wrong_arguments(name, cause, list(known[name]))
            else:
                found = from_exception(cause)
            content = TextContent(type="text", text=_told(found))
            return CallToolResult(content=[content], is_error=True)


def _unknown_arguments(tool: str, unknown: list[str], known: list[str]) -> ImporterError:
    cause = f"The tool {tool} has no argument {', '.join(map(repr, unknown))}."
    return ImporterError("OPTION_INVALID", cause, f"It takes: {', '.join(known) or 'none'}.")


def _wrong_arguments(tool: str, error: ValidationError, known: list[str]) -> ImporterError:
    """The SDK's words without those of its own models."""
    told = [f"{'.'.join(map(str, item['loc']))}: {item['msg'].lower()}" for item in error.errors()]
    cause = f"The tool {tool} was called with wrong arguments: {'; '.join(told)}."
    return ImporterError("OPTION_INVALID", cause, f"It takes: {', '.join(known)}.")


def serve_stdio(project: Path, allow_write: bool) -> None:
    """Serve one client over standard input and output until it closes them."""
    ProjectServer(Project(project), allow_write).run("stdio")


def http_app(server: MCPServer[Any], **options: Any) -> Starlette:
    """The server as an application; it checks Host, Origin and the size of bodies, RequireToken the token.

    `options` are more of the SDK's own, such as `event_store`.
    """
    security = TransportSecuritySettings(
        allowed_hosts=["127.0.0.1:*", "localhost:*"],
        allowed_origins=["http://127.0.0.1:*", "http://localhost:*"],
    )
    return server.streamable_http_app(max_request_body_size=MAX_BODY, transport_security=security, **options)


def serve_http(project: Path, allow_write: bool, port: int) -> None:
    """Serve clients on 127.0.0.1; the address and the place of the token are printed on standard error."""
    import uvicorn

    app, connections = http_app(ProjectServer(Project(project), allow_write)), Connections(load_or_make_token())
    _allow_many_files()
    with socket.create_server(("127.0.0.1", port)) as listener:
        print(
            f"http://127.0.0.1:{listener.getsockname()[1]}/mcp (token in {token_file()})", file=sys.stderr, flush=True
        )
        config = uvicorn.Config(
            RequireToken(app, connections),
            http=cast(Any, connections.protocol),
            ws="none",
            log_level="warning",
            timeout_graceful_shutdown=2,
            limit_concurrency=MAX_CONNECTIONS + MAX_UNPROVEN,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _allow_many_files() -> None:
    """Connections are accepted by the hundred before one of them is closed; some systems allow 256 files."""
    if sys.platform != "win32":
        from importer.posix import allow_open_files

        allow_open_files(4096)


def _told(error: ImporterError) -> str:
    """Code, cause, remedy, and the end of the log."""
    log = f"\n\nThe end of the log:\n{error.log[-1500:]}" if error.log else ""
    stage = f" (stage {error.stage})" if error.stage else ""
    return f"{error.code}{stage}: {error.cause}\n{error.remedy}{log}"
