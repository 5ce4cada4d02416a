"""The official conformance suite (npm) against the Python server, where its scenarios apply."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from python_backend.mcp_server.project import Project
from python_backend.mcp_server.server import ProjectServer, http_app
from tests.mcp.test_conformance import CURRENT, RELEASED, npm_packages, run_suite

__all__ = ["npm_packages"]

# All others call the suite's own fixture tools, resources and prompts, or need completion, logging, subscriptions and
# the tasks extension, which this server does not offer.
APPLY = {
    RELEASED: {
        "server-initialize",
        "ping",
        "tools-list",
        "server-sse-multiple-streams",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
    },
    CURRENT: {
        "tools-list",
        "server-sse-multiple-streams",
        "resources-list",
        "prompts-list",
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
        "dns-rebinding-protection",
    },
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of an empty project. The suite cannot send a token, so RequireToken is left out."""
    folder = tmp_path_factory.mktemp("conformance")
    (folder / "project.godot").touch()
    app = http_app(ProjectServer(Project(folder), allow_write=False))
    web = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=web.run, daemon=True)
    thread.start()
    while not web.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}/mcp"
    web.should_exit = True
    thread.join(timeout=10)


@pytest.mark.parametrize(
    ("package", "folder", "selection"),
    [
        (RELEASED, "conformance", ("--suite", "all")),
        (CURRENT, "conformance-next", ("--requirements", "2026-07-28")),
    ],
)
def test_suite(
    npm_packages: Callable[[str, str], Path],
    address: str,
    package: str,
    folder: str,
    selection: tuple[str, ...],
) -> None:
    scenarios = run_suite(npm_packages(package, folder), "--url", address, *selection)
    assert set(scenarios) >= APPLY[package]
    wrong = {name: scenarios[name] for name in APPLY[package] if scenarios[name][1] or not scenarios[name][0]}
    assert wrong == {}
