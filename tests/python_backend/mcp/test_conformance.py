"""The official conformance suite (npm) against the Python server, which offers the suite's fixtures beside its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from python_backend.mcp_server.project import Project
from python_backend.mcp_server.server import http_app
from tests.mcp.clients import conformance_suite as suite
from tests.python_backend.mcp.conformance_fixture import Events, FixtureServer, offer

POLLING = (
    "the released scenario asks with revision 2025-03-26, whose streams the SDK rightly gives no ids to come back by, "
    "and then checks nothing; the newer suite's scenario of the same name asks rightly, and passes"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of an empty project. The suite cannot send a token, so RequireToken is left out."""
    folder = tmp_path_factory.mktemp("conformance")
    (folder / "project.godot").touch()
    server = FixtureServer(Project(folder), allow_write=False)
    offer(server)
    app = http_app(server, event_store=Events(), retry_interval=100)
    web = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=web.run, daemon=True)
    thread.start()
    while not web.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}/mcp"
    web.should_exit = True
    thread.join(timeout=10)


@pytest.mark.parametrize(
    ("package", "folder", "selection", "least", "cannot_apply"),
    [
        (suite.RELEASED, "conformance", ("--suite", "all"), 31, {"server-sse-polling": POLLING}),
        (suite.CURRENT, "conformance-next", ("--requirements", "2025-11-25"), 33, {}),
        (suite.CURRENT, "conformance-next", ("--requirements", "2026-07-28"), 40, suite.EXTENSIONS),
    ],
)
def test_suite(
    address: str, package: str, folder: str, selection: tuple[str, ...], least: int, cannot_apply: dict[str, str]
) -> None:
    suite.assert_all_pass(lambda: suite.run(package, folder, address, *selection), least, cannot_apply)
