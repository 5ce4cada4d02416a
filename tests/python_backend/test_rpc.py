"""The connection: hello, secret, frames, bad input, the end. A real backend process, a real socket."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from importer.jobs import messages
from python_backend.rpc import receive
from tests.python_backend.editor import ROOT, Editor

StartEditor = Callable[..., Editor]


@pytest.fixture
def start() -> Iterator[StartEditor]:
    editors: list[Editor] = []

    def make(**options: Any) -> Editor:
        editors.append(Editor(**options))
        return editors[-1]

    yield make
    for editor in editors:
        editor.close()


def test_hello_reports_the_environment(start: StartEditor) -> None:
    editor = start()
    assert editor.hello["secret"] == editor.secret
    assert editor.hello["protocol"] == 1
    assert editor.hello["pid"] == editor.process.pid
    assert editor.hello["executable"] == sys.executable
    assert editor.hello["environment"] == {"ok": True, "problems": []}
    assert editor.hello["importer"]


def test_hello_needs_the_standard_library_only(start: StartEditor, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    editor = start(python=[str(tmp_path / "bare" / "bin" / "python")])
    report = editor.hello["environment"]
    assert not report["ok"]
    assert {problem["code"] for problem in report["problems"]} == {"PACKAGE_MISSING"}
    (torch,) = report["problems"]
    assert "no packages torch, executorch, torchao, " in torch["cause"], "one error names all missing packages"
    command = f"{tmp_path}/bare/bin/python -m pip install -r {ROOT / 'requirements.txt'}"
    assert torch["remedy"] == f"Press Set Up… in Godot's ExecuTorch panel, or run: {command}"
    # Everything that needs no torch still answers.
    checks = {check["name"]: check for check in editor.call("doctor")["checks"]}
    assert not checks["torch"]["ok"]
    assert checks["python"]["ok"]
    assert editor.call("status")["jobs"] == []
    error = editor.failure("convert", **convert_params(tmp_path))
    assert error["data"]["code"] == "PACKAGE_MISSING"
    assert error["message"] == error["data"]["cause"]
    failure = editor.failure("watch", link=str(tmp_path / "a.pt"), target=str(tmp_path / "b.pt"))
    assert failure["data"]["code"] == "PACKAGE_MISSING"
    assert "watchdog" in failure["data"]["remedy"]


def test_the_remedy_works_where_pip_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from python_backend import environment

    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert " -m pip install torch" in environment.install_remedy("torch"), "an environment is not managed"
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    remedy = environment.install_remedy("torch")
    assert "pip install" not in remedy
    script = remedy.partition('"')[2].partition('"')[0]
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "COLUMNS": "300"}
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True, env=home)
    assert str(tmp_path / ".local/share/executorch-godot/python") in shown.stdout, "the editor looks there"
    (tmp_path / "EXTERNALLY-MANAGED").unlink()
    assert " -m pip install torch" in environment.install_remedy("torch")


def test_wrong_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "torch-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.0\n", encoding="ascii")
    code = "from python_backend import environment as e; print([p.code + ' ' + p.cause for p in e.problems()])"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "PACKAGE_WRONG_VERSION torch 1.0 is installed, torch==2.13.0 is needed" in printed


def test_wrong_python_names_one_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    from python_backend import environment

    monkeypatch.setattr(sys, "version_info", (3, 14, 1, "final", 0))
    (problem,) = environment.problems()
    assert problem.code == "WRONG_PYTHON"
    assert "Python 3.14.1" in problem.cause
    assert "environment_setup.py" in problem.remedy


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9"])
def test_an_old_python_still_says_what_is_wrong(start: StartEditor, version: str) -> None:
    folders = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")
    python = next((str(path) for path in folders), None) or shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    editor = start(python=[python])
    (problem,) = editor.hello["environment"]["problems"]
    assert problem["code"] == "WRONG_PYTHON"
    assert f"Python {version}." in problem["cause"]
    assert editor.hello["secret"] == editor.secret


def test_backend_ends_with_its_socket(start: StartEditor) -> None:
    editor = start()
    assert editor.close() == 0


def test_shutdown_answers_and_ends(start: StartEditor) -> None:
    editor = start()
    assert editor.call("shutdown") == {}
    assert editor.process.wait(timeout=90) == 0


def test_what_a_killed_process_left_is_removed_at_the_start(start: StartEditor, tmp_path: Path) -> None:
    """Not only when the next conversion begins, which may be weeks later."""
    (tmp_path / "cache" / ".building").mkdir(parents=True)
    temporary = tmp_path / f"executorch-{os.getuid()}"
    temporary.mkdir()
    program = "import sys; from pathlib import Path; from importer.owned_folders import make_owned_folder; "
    program += "[print(make_owned_folder(Path(folder), 'job')) for folder in sys.argv[1:]]"
    folders = [str(tmp_path / "cache" / ".building"), str(temporary)]
    left = subprocess.run(
        [sys.executable, "-c", program, *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    left_folders = [Path(line) for line in left.stdout.splitlines()]
    assert len(left_folders) == 2 and all(folder.is_dir() for folder in left_folders)
    editor = start(environment={"EXECUTORCH_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)})
    editor.call("status")
    assert not any(folder.exists() for folder in left_folders)


def test_without_port_or_listener_it_says_so() -> None:
    def serve(**variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **variables}
        command = [sys.executable, "-m", "python_backend", "serve"]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    nothing = serve()
    assert nothing.returncode == 2
    assert "EXECUTORCH_RPC_PORT" in nothing.stderr
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    refused = serve(EXECUTORCH_RPC_PORT=str(port), EXECUTORCH_RPC_SECRET="x")
    assert refused.returncode == 1
    assert f"127.0.0.1:{port}" in refused.stderr


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no json", "INVALID_JSON"),
        (b"\xff\xfe\x00", "INVALID_JSON"),
        (b"[" * 100_000, "INVALID_JSON"),
        (b"[1, 2]", "INVALID_JSON"),
        (b'{"jsonrpc": "2.0", "id": 1}', "INVALID_REQUEST"),
        (b'{"jsonrpc": "2.0", "id": [], "method": "status"}', "INVALID_REQUEST"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": [1]}', "INVALID_REQUEST"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "format_disk", "params": {}}', "METHOD_NOT_FOUND"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "inspect", "params": {"source": 3}}', "INVALID_PARAMS"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "cancel", "params": {}}', "INVALID_PARAMS"),
    ],
)
def test_bad_messages_are_answered_and_the_session_goes_on(start: StartEditor, body: bytes, code: str) -> None:
    editor = start()
    editor.send_bytes(body)
    expected_id = 1 if b'"id": 1' in body else None
    assert editor.answer(expected_id)["error"]["data"]["code"] == code
    editor._next_id = 10
    assert editor.call("status")["jobs"] == []


def test_announced_oversize_frame_is_refused_without_memory(start: StartEditor) -> None:
    editor = start()
    editor.stream.sendall(struct.pack(">I", 0xFFFFFFFF))
    error = editor.answer(None)["error"]
    assert error["data"]["code"] == "INVALID_FRAME"
    assert "16777216" in error["message"]
    assert editor.process.wait(timeout=90) == 0


def test_frame_cut_in_the_middle_ends_the_session(start: StartEditor) -> None:
    editor = start()
    editor.stream.sendall(struct.pack(">I", 100) + b"half")
    assert editor.close() == 0


def test_many_requests_at_once_are_all_answered(start: StartEditor) -> None:
    editor = start()
    ids = [editor.ask("status") for _ in range(500)]
    assert all("result" in editor.answer(request_id) for request_id in ids)


def test_wholes_as_floats_are_ids_too(start: StartEditor) -> None:
    editor = start()
    editor.send_bytes(b'{"jsonrpc": "2.0", "id": 4.0, "method": "status", "params": {}}')
    assert "result" in editor.answer(4)


def test_frames_between_two_sockets_survive_any_cut() -> None:
    left, right = socket.socketpair()
    message = {"text": "\N{SNOWMAN} " * 1000, "number": 1.5, "missing": float("nan")}
    frame = messages.encode(message)

    def send_slowly() -> None:
        for start in range(0, len(frame), 7):
            left.sendall(frame[start : start + 7])
        left.close()

    threading.Thread(target=send_slowly).start()
    decoder = messages.Decoder()
    assert receive(right, decoder) == {**message, "missing": None}
    assert receive(right, decoder) is None
    right.close()


def test_a_message_too_long_is_not_sent() -> None:
    with pytest.raises(messages.FrameError):
        messages.encode({"text": "x" * messages.MAX_BYTES})


def test_the_games_own_modules_do_not_shadow_pythons(start: StartEditor, tmp_path: Path) -> None:
    for name in ("json", "socket", "torch", "argparse", "multiprocessing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')", encoding="ascii")
    editor = start(cwd=tmp_path)
    assert editor.hello["environment"]["ok"]
    assert editor.call("status")["jobs"] == []


def convert_params(folder: Path) -> dict[str, Any]:
    return {
        "source": str(folder / "model.pt"),
        "project": str(folder),
        "cache": str(folder / "cache"),
        "key": "0" * 64,
        "options": {},
        "display_path": "res://model.pt",
        "allow_pickle": False,
    }


def test_a_watched_file_is_told_over_the_connection(start: StartEditor, tmp_path: Path) -> None:
    editor = start()
    link, target = tmp_path / "project" / "net.pt", tmp_path / "run" / "net.pt"
    for path in (link, target):
        path.parent.mkdir()
    assert editor.call("watch", link=str(link), target=str(target)) == {}
    target.with_name("new").write_bytes(b"epoch 1")
    target.with_name("new").replace(target)
    assert editor.notification("file_changed", 90) == {"link": str(link), "target": str(target)}
    assert link.read_bytes() == b"epoch 1"
    assert editor.call("unwatch", link=str(link), target=str(target)) == {}
    relative = editor.failure("watch", link="net.pt", target=str(target))
    assert relative["data"]["code"] == "INVALID_PARAMS"
