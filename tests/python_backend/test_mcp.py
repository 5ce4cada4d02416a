"""The MCP server without an engine, driven by the official client over stdio and HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult

from python_backend.errors import BackendError
from python_backend.mcp_server import access, engine
from python_backend.mcp_server.project import Project
from tests.python_backend.editor import ROOT

OUR_TOOLS = {
    "list_project_models",
    "inspect_model",
    "convert_model",
    "validate_model",
    "compare_models",
    "sweep_recipes",
    "profile_model",
    "doctor",
}


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    folder = tmp_path_factory.mktemp("mcp") / "game"
    (folder / "models").mkdir(parents=True)
    (folder / "project.godot").write_text("config_version=5\n", encoding="ascii")
    for name in ("linear.pt", "linear_state_dict.pth", "linear_portable.pte", "linear_xnnpack.pte"):
        shutil.copy(models / name, folder / "models" / name)
    (folder / "models" / "noise.pt").write_text("not a model", encoding="ascii")
    (folder / "models" / "net.py").write_text(
        "import time\nfrom pathlib import Path\nfrom torch import nn\n"
        "def build():\n"
        "    Path(__file__).with_name('asked').touch()\n"
        "    time.sleep(60)\n"
        "    return nn.Linear(1, 1)\n",
        encoding="ascii",
    )
    (folder.parent / "secret.pt").write_bytes((models / "linear.pt").read_bytes())
    (folder / "models" / "way_out.pt").symlink_to(folder.parent / "secret.pt")
    (folder / ".godot").mkdir()
    shutil.copy(models / "linear.pt", folder / ".godot" / "hidden.pt")
    return folder


@pytest.fixture(scope="module")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's data folder of these tests."""
    return tmp_path_factory.mktemp("data")


def parameters(game: Path, data_home: Path, *more: str) -> StdioServerParameters:
    arguments = ["-m", "python_backend", "mcp", "--project", str(game), *more]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(data_home)}
    return StdioServerParameters(command=sys.executable, args=arguments, env=variables, cwd=str(game))


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 500))


def text(result: CallToolResult) -> str:
    return "".join(getattr(part, "text", "") for part in result.content)


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


class HttpServer:
    """A server over HTTP and its token."""

    def __init__(self, game: Path, data_home: Path, *more: str) -> None:
        command = [sys.executable, "-m", "python_backend", "mcp", "--project", str(game), "--http", "0", *more]
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(data_home)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("http://127.0.0.1:"), line + self.process.stderr.read()
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.url = line.split()[0]
        self.token = (data_home / "executorch-godot" / "mcp" / "token").read_text(encoding="ascii").strip()

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=400) as http,
            Client(streamable_http_client(self.url, http_client=http)) as client,
        ):
            yield client

    def post(self, body: bytes, **headers: str) -> httpx2.Response:
        sent = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return httpx2.post(self.url, content=body, headers=sent, timeout=90)


@pytest.fixture(scope="module")
def http_server(game: Path, data_home: Path) -> Iterator[HttpServer]:
    server = HttpServer(game, data_home)
    yield server
    server.process.terminate()
    assert server.process.wait(timeout=90) is not None


def test_every_tool_over_stdio(game: Path, data_home: Path) -> None:
    async def scene() -> None:
        async with Client(parameters(game, data_home)) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == OUR_TOOLS
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
            assert all(tool.description and tool.output_schema for tool in tools.values())
            assert tools["inspect_model"].input_schema["required"] == ["path"]

            listed = structured(await client.call_tool("list_project_models", {}))
            kinds = {model["path"]: model["kind"] for model in listed["models"]}
            assert kinds["res://models/linear.pt"] == "exported_program"
            assert kinds["res://models/linear_portable.pte"] == "pte"
            assert kinds["res://models/noise.pt"] == ""
            assert "res://models/way_out.pt" not in kinds
            assert not any(".godot" in path for path in kinds)

            model = {"path": "res://models/linear.pt"}
            program = {"path": "models/linear_portable.pte"}
            inspected = structured(await client.call_tool("inspect_model", program))
            assert inspected["methods"][0]["name"] == "forward"

            told: list[tuple[float, str]] = []

            async def progressed(progress: float, total: float | None, message: str | None) -> None:
                told.append((progress, message or ""))

            converted = structured(await client.call_tool("convert_model", model, progress_callback=progressed))
            assert converted["metadata"]["accuracy"]["max_absolute"] < 1e-4
            assert converted["written"] == ""
            assert told
            assert [step for step, _ in told] == sorted(step for step, _ in told)

            valid = structured(await client.call_tool("validate_model", program))
            assert valid["valid"]
            assert valid["timings"]["forward"] > 0
            invalid = structured(await client.call_tool("validate_model", {"path": "res://models/noise.pt"}))
            assert not invalid["valid"]
            assert invalid["error"]["code"]
            assert invalid["error"]["remedy"]

            both = {"first": "res://models/linear_portable.pte", "second": "res://models/linear.pt"}
            compared = structured(await client.call_tool("compare_models", both))
            assert compared["difference"]["max_absolute"] < 1e-4
            assert [side["path"] for side in compared["programs"]] == [both["first"], both["second"]]

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
            rows = structured(await client.call_tool("sweep_recipes", {"path": "res://models/linear.pt"}))["rows"]
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
                        result = await client.call_tool(tool, {"path": path})
                        assert result.is_error, path
                        assert text(result).startswith(code), (path, text(result))
            model = {"path": "res://models/linear.pt"}
            refused = await client.call_tool("convert_model", {**model, "output": "res://x.pte"})
            assert text(refused).startswith("READ_ONLY")
            needs = await client.call_tool("convert_model", {"path": "res://models/linear_state_dict.pth"})
            assert "STATE_DICT_NEEDS_FACTORY" in text(needs)
            wrong = await client.call_tool("convert_model", {**model, "recipe": "best"})
            assert "OPTION_INVALID" in text(wrong)
            outside = await client.call_tool("convert_model", {**model, "factory": "res://../evil.py:build"})
            assert outside.is_error
            assert (await client.call_tool("profile_model", {**model, "runs": -1})).is_error
            assert (await client.call_tool("inspect_model", {"path": ["list"]})).is_error

    run(scene)


@pytest.mark.slow
def test_writing_when_allowed(game: Path, data_home: Path) -> None:
    async def scene() -> None:
        async with Client(parameters(game, data_home, "--allow-write")) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            hints = tools["convert_model"].annotations
            assert hints is not None
            assert not hints.read_only_hint
            model = {"path": "res://models/linear.pt"}
            written = structured(await client.call_tool("convert_model", {**model, "output": "res://made/linear.pte"}))
            assert written["written"] == "res://made/linear.pte"
            assert (game / "made" / "linear.pte").read_bytes()[4:8] == b"ET12"
            assert [path.name for path in (game / "made").iterdir()] == ["linear.pte"]

    run(scene)


def test_places_that_are_never_written(game: Path, data_home: Path) -> None:
    async def scene() -> None:
        async with Client(parameters(game, data_home, "--allow-write")) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            hints = tools["convert_model"].annotations
            assert hints is not None
            assert not hints.read_only_hint
            model = {"path": "res://models/linear.pt"}
            for place in ("../linear.pte", "res://models/way_out.pt/x.pte", "res://.godot/x.pte"):
                refused = await client.call_tool("convert_model", {**model, "output": place})
                assert text(refused).startswith("PATH_OUTSIDE_PROJECT"), place
            script = await client.call_tool("convert_model", {**model, "output": "res://main.gd"})
            assert text(script).startswith("OPTION_INVALID")

    run(scene)
    assert not (game.parent / "linear.pte").exists()


def test_a_cancelled_call_ends_its_process(game: Path, http_server: HttpServer) -> None:
    async def scene() -> None:
        arguments = {"path": "res://models/linear_state_dict.pth", "factory": "res://models/net.py:build"}
        asked = game / "models" / "asked"
        asked.unlink(missing_ok=True)
        async with http_server.client() as client:
            call = asyncio.create_task(client.call_tool("convert_model", arguments))
            while not asked.exists():
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
    parents = [child for child in children if "forkserver" in " ".join(child.cmdline())]
    return [job.pid for parent in parents for job in parent.children()]


INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
).encode()


def test_http_lets_in_only_who_may(http_server: HttpServer) -> None:
    assert http_server.post(INITIALIZE).status_code == 200
    for header in ("Bearer wrong", "", f"Basic {http_server.token}", f"bearer{http_server.token}"):
        assert http_server.post(INITIALIZE, Authorization=header).status_code == 401, header
    assert http_server.post(INITIALIZE, Origin="http://evil.example").status_code == 403
    assert http_server.post(INITIALIZE, Host="evil.example:80").status_code == 421
    assert http_server.post(b"x" * ((1 << 20) + 1)).status_code == 413
    assert http_server.post(b"no json").status_code == 400
    assert http_server.post(INITIALIZE).status_code == 200
    connections = psutil.Process(http_server.process.pid).net_connections()
    listening = {connection.laddr.ip for connection in connections if connection.status == "LISTEN"}
    assert listening == {"127.0.0.1"}


def test_the_token_is_the_users_alone(
    http_server: HttpServer, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(data_home))
    mode = stat.S_IMODE(access.token_file().stat().st_mode)
    assert mode == 0o600
    assert len(http_server.token) == 64
    assert access.load_or_make_token() == http_server.token
    monkeypatch.setenv("EXECUTORCH_MCP_TOKEN", "given")
    assert access.load_or_make_token() == "given"
    assert "EXECUTORCH_MCP_TOKEN" not in os.environ


def test_a_server_that_cannot_start_says_why(tmp_path: Path, http_server: HttpServer, game: Path) -> None:
    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "python_backend", "mcp", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)

    nothing = start("--project", str(tmp_path))
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("NOT_A_PROJECT")
    port = http_server.url.split(":")[2].split("/")[0]
    taken = start("--project", str(game), "--http", port)
    assert taken.returncode == 1
    assert taken.stderr.startswith("PORT_NOT_AVAILABLE")


def test_stdio_server_ends_with_its_client(game: Path, data_home: Path) -> None:
    described = parameters(game, data_home)
    process = subprocess.Popen(
        [described.command, *described.args], env=described.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=90) == 0


@pytest.fixture
def running_engine(game: Path, data_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What an editor is to us: an MCP server with a token, and a file that tells of it."""
    import uvicorn

    server = MCPServer("engine", log_level="ERROR")

    @server.tool()
    def run_inference(value: float) -> dict[str, float]:
        """Run a model."""
        if value < 0:
            raise ValueError("the model does not like it")
        return {"output_0": 2 * value + 3}

    app = access.RequireToken(server.streamable_http_app(), "engine-token")
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, daemon=True)
    thread.start()
    while not web.started:
        time.sleep(0.02)
    port = web.servers[0].sockets[0].getsockname()[1]
    folder = data_home / "executorch-godot" / "mcp"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}-{port}.json"
    path.write_text(json.dumps(entry(game, port)), encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(data_home))
    yield path
    path.unlink(missing_ok=True)
    web.should_exit = True
    thread.join(timeout=10)


def entry(game: Path, port: int, **changed: Any) -> dict[str, Any]:
    known = {
        "format": 1,
        "url": f"http://127.0.0.1:{port}/mcp",
        "port": port,
        "token": "engine-token",
        "pid": os.getpid(),
        "project": str(game),
        "name": "x",
        "kind": "editor",
        "allow_write": False,
        "started": 1,
    }
    return {**known, **changed}


def test_a_running_editors_tools_are_offered_too(game: Path, data_home: Path, running_engine: Path) -> None:
    async def scene() -> None:
        async with Client(parameters(game, data_home)) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {*OUR_TOOLS, "editor_run_inference"}
            assert tools["editor_run_inference"].input_schema["required"] == ["value"]
            answer = await client.call_tool("editor_run_inference", {"value": 2.5})
            assert structured(answer) == {"output_0": 8.0}
            refused = await client.call_tool("editor_run_inference", {"value": -1})
            assert refused.is_error
            running_engine.write_text(running_engine.read_text().replace("engine-token", "wrong"), encoding="utf-8")
            assert {tool.name for tool in (await client.list_tools()).tools} == OUR_TOOLS
            running_engine.unlink()
            gone = await client.call_tool("editor_run_inference", {"value": 1})
            assert gone.is_error

    run(scene)


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"pid": 2**22 + 12345},
        {"project": "/somewhere/else"},
        {"project": ""},
        {"url": "http://evil.example/mcp"},
        {"url": "http://127.0.0.1@evil.example/mcp"},
        {"url": "https://127.0.0.1:1/mcp"},
        {"token": None},
        {"url": 7},
    ],
)
def test_engines_that_do_not_count(
    game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = engine.discovery_folder()
    folder.mkdir(parents=True)
    (folder / "1-1.json").write_text(json.dumps(entry(game, 1)), encoding="utf-8")
    assert [found.prefix for found in engine.find(game)] == ["editor_"]
    (folder / "1-1.json").write_text(json.dumps(entry(game, 1, **changed)), encoding="utf-8")
    assert engine.find(game) == []
    (folder / "1-1.json").write_text("{half", encoding="utf-8")
    assert engine.find(game) == []


def test_a_project_is_its_own_world(game: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError):
        Project(tmp_path)
    project = Project(game)
    assert project.name(project.file("res://models/linear.pt")) == "res://models/linear.pt"
    loop = game / "models" / "loop.pt"
    loop.symlink_to(loop)
    try:
        with pytest.raises(BackendError):
            project.file("res://models/loop.pt")
    finally:
        loop.unlink()
