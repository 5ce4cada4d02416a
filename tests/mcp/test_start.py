"""Where a server starts: a game's command line, a release export that says so twice, the editor's setting."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks import godot as godot_task
from tasks import package
from tests import godot_projects
from tests.godot_projects import GodotProject, is_error
from tests.mcp import http
from tests.mcp.conftest import wait_until

AUTOLOAD = '\n[autoload]\n\nExecuTorchMCP="*res://addons/executorch/runtime/mcp_autostart.gd"\n'
# Autoloads come before the scene, so a server that is to be there is there when this file is. (A release build keeps
# what it prints for a while, so its output cannot show it.)
SCRIPT = """extends Node


func _ready() -> void:
\tFileAccess.open("user://ready-%d" % OS.get_process_id(), FileAccess.WRITE).store_string("ready")
"""


@pytest.fixture(scope="module")
def autoloaded(
    tmp_path_factory: pytest.TempPathFactory, godot: Path, models: Path, artifact_cache: Path
) -> GodotProject:
    """A project as it is after its plugin was enabled, with one model."""
    project = godot_projects.make(tmp_path_factory.mktemp("mcp") / "start", godot, artifact_cache)
    settings = project.path / "project.godot"
    settings.write_text(settings.read_text(encoding="utf-8") + AUTOLOAD, encoding="utf-8")
    project.add_scene("game", SCRIPT, is_main=True)
    (project.path / "tool.gd").write_text("extends Node\nvar of_tools: ExecuTorchMCPServer = null\n", encoding="utf-8")
    project.add([models / "linear.pt2"])
    project.import_all()
    return project


@contextmanager
def running(project: GodotProject, command: list[str | Path], printed: str = "") -> Iterator[tuple[Any, list[str]]]:
    """Run a game until its scene is there, or a program until it `printed` something.

    Gives its discovery file's content (None when there is no server) and its output.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXECUTORCH")}
    log = project.path / f"log-{time.monotonic_ns()}.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env={**environment, **project.environment}, stdout=output, stderr=subprocess.STDOUT
        )
    folder = Path(project.environment["XDG_DATA_HOME"]) / "executorch-godot" / "mcp"
    try:
        mark = Path(project.environment["XDG_DATA_HOME"]) / "godot" / "app_userdata" / "ExecuTorch tests"
        mark = mark / f"ready-{process.pid}"

        def is_ready() -> bool:
            return printed in log.read_text(errors="replace") if printed else mark.exists()

        wait_until(lambda: is_ready() or process.poll() is not None, 90)
        files = list(folder.glob(f"{process.pid}-*.json"))
        found = json.loads(files[0].read_text()) if files else None
        # Godot writes its output at once, but the file may be read in between.
        yield found, log.read_text(errors="replace").splitlines()
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tools_of(found: Any) -> set[str]:
    reply = http.exchange(found["port"], http.modern_post(http.modern("tools/list"), found["token"]))
    return {tool["name"] for tool in reply.json["result"]["tools"]}


def test_game_without_the_option_has_no_server(autoloaded: GodotProject) -> None:
    with running(autoloaded, [autoloaded.godot, "--headless", "--path", autoloaded.path]) as (found, output):
        assert found is None
        assert not [line for line in output if is_error(line) or "MCP" in line]


@pytest.mark.parametrize("with_port", [False, True])
def test_game_with_the_option(autoloaded: GodotProject, with_port: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    option = f"--executorch-mcp={port}" if with_port else "--executorch-mcp"
    command = [autoloaded.godot, "--headless", "--path", autoloaded.path, "--", option]
    with running(autoloaded, command) as (found, output):
        assert found is not None, output
        assert (found["port"] == port) == with_port
        assert (found["kind"], found["project"], found["allow_write"]) == ("game", str(autoloaded.path), False)
        assert {"list_models", "run_inference"} <= tools_of(found)
        assert "reset_stats" not in tools_of(found)
        assert not [line for line in output if is_error(line) or found["token"] in line]


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [False, True])
def test_release_export_says_so_twice(autoloaded: GodotProject, tmp_path: Path, allowed: bool) -> None:
    game = export(autoloaded, tmp_path, allowed)
    content = (tmp_path / "game.pck").read_bytes()
    # As the archive's directory has them.
    assert (b"runtime/mcp/http/http_server.gdc" in content) == allowed
    assert b"runtime/telemetry/telemetry.gdc" not in content
    assert b"runtime/mcp_autostart.gdc" in content, "scripts that name the autoload compile"
    for asked in (False, True):
        command = [game, "--headless", *(["--", "--executorch-mcp"] if asked else [])]
        with running(autoloaded, command) as (found, output):
            assert (found is not None) == (allowed and asked), output
            assert any("does not allow it" in line for line in output) == (asked and not allowed)
            if found is None:
                continue
            assert found["project"] == ""
            message = http.modern("tools/call", {"name": "run_inference", "arguments": INFERENCE})
            reply = http.exchange(found["port"], http.modern_post(message, found["token"]))
            (value,) = reply.json["result"]["structuredContent"]["outputs"].values()
            assert value["data"] == pytest.approx([8.0], abs=1e-4)
            about = reply.json["result"]["_meta"][http.META + "serverInfo"]
            assert about["version"] == package.version()


def export(project: GodotProject, folder: Path, allowed: bool) -> Path:
    """Export the project for release, with or without the setting that allows a server."""
    settings = project.path / "project.godot"
    before = settings.read_text(encoding="utf-8")
    text = before.replace("[executorch]\n", "[executorch]\n\nmcp/allow_in_release=true", 1) if allowed else before
    try:
        settings.write_text(text, encoding="utf-8")
        run = project.export(folder / "game.x86_64")
        assert (folder / "game.pck").exists(), run.output
        assert ("res://tool.gd uses ExecuTorchMCPServer" in run.output) != allowed
    finally:
        settings.write_text(before, encoding="utf-8")
    return folder / "game.x86_64"


INFERENCE = {"model": "linear.pt2", "inputs": {"input_0": [2.5]}}


def editor_command(project: GodotProject, settings: dict[str, str]) -> list[str | Path]:
    """The editor of a project, with these editor settings."""
    version = ".".join(godot_task.version_of(project.godot).split(".")[:2])
    folder = Path(project.environment["XDG_CONFIG_HOME"]) / "godot"
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (folder / f"editor_settings-{version}.tres").write_text(
        f'[gd_resource type="EditorSettings" format=3]\n\n[resource]\n{lines}', encoding="utf-8"
    )
    return [project.godot, "--headless", "--editor", "--path", project.path]


@pytest.mark.parametrize("wanted", [False, True])
def test_editor_by_its_setting(autoloaded: GodotProject, wanted: bool) -> None:
    command = editor_command(autoloaded, {"executorch/mcp/run_in_editor": str(wanted).lower()})
    with running(autoloaded, command, "loading_editor_layout") as (found, output):
        assert (found is not None) == wanted, output[-20:]
        if found is None:
            return
        assert found["kind"] == "editor"
        reply = http.call_tool(found["port"], found["token"], "run_inference", INFERENCE)
        (value,) = reply.json["result"]["structuredContent"]["outputs"].values()
        assert value["data"] == pytest.approx([8.0], abs=1e-4)
