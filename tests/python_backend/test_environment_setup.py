"""The set-up of a Python environment: a real venv, a real pip, wheels from a folder or a local server."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from python_backend import environment_setup
from tests.python_backend.editor import ROOT, Editor

SCRIPT = ROOT / "python_backend" / "environment_setup.py"


def make_wheel(folder: Path, name: str, padding: int = 0) -> Path:
    """A wheel with one module, and random bytes to make it big."""
    files = {
        f"{name}.py": b"ANSWER = 42\n",
        f"{name}_padding.bin": os.urandom(padding),
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{name}-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, data in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        archive.writestr(f"{name}-1.0.dist-info/RECORD", f"{record}{name}-1.0.dist-info/RECORD,,\n")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "tinypackage")
    return folder


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("# what is needed\ntinypackage==1.0\n", encoding="ascii")
    return path


def command(folder: Path, requirements: Path, *more: str, python: str = sys.executable) -> list[str]:
    return [python, str(SCRIPT), "--json", "--folder", str(folder), "--requirements", str(requirements), *more]


def set_up(folder: Path, requirements: Path, *more: str, **environment: str) -> list[dict[str, Any]]:
    run = subprocess.run(
        command(folder, requirements, *more),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.stderr == ""
    messages = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == (0 if "result" in messages[-1] else 1)
    return messages


def test_an_environment_from_a_folder_of_wheels(tmp_path: Path, requirements: Path, wheels: Path) -> None:
    folder = tmp_path / "user data" / "environment"
    messages = set_up(folder, requirements, "--wheels", str(wheels))
    python = messages[-1]["result"]["executable"]
    assert python == str(folder / "bin" / "python")
    printed = subprocess.run(
        [python, "-c", "import tinypackage; print(tinypackage.ANSWER)"], capture_output=True, text=True
    )
    assert printed.stdout == "42\n"
    stages = list(dict.fromkeys(message["stage"] for message in messages[:-1]))
    assert stages == ["venv", "download", "install", "check", "done"]
    fractions = [message["fraction"] for message in messages[:-1]]
    assert fractions == sorted(fractions)
    # A second run keeps what is there.
    marked = folder / "bin" / "kept"
    marked.touch()
    assert "result" in set_up(folder, requirements, "--wheels", str(wheels))[-1]
    assert marked.exists()


def test_cancelled_over_rpc_and_resumed(tmp_path: Path, requirements: Path, wheels: Path) -> None:
    editor = Editor()
    try:
        params = {"folder": str(tmp_path / "venv"), "requirements": str(requirements), "wheels": str(wheels)}
        request = editor.ask("setup", **params)
        progress = editor.notification("progress")
        assert (progress["id"], progress["stage"]) == (request, "venv")
        time.sleep(0.5)
        assert editor.call("cancel", id=request) == {"cancelled": True}
        assert editor.answer(request)["error"]["data"]["code"] == "CANCELLED"
        assert editor.call("setup", **params) == {"executable": str(tmp_path / "venv" / "bin" / "python")}
        failure = editor.failure("setup", **{**params, "requirements": str(tmp_path / "none.txt")})
        assert failure["data"]["code"] == "SETUP_NO_REQUIREMENTS"
    finally:
        editor.close()


def test_a_backend_that_dies_takes_the_set_up_along(tmp_path: Path, requirements: Path, wheels: Path) -> None:
    editor = Editor()
    params = {"folder": str(tmp_path / "venv"), "requirements": str(requirements), "wheels": str(wheels)}
    editor.ask("setup", **params)
    editor.notification("progress")
    assert processes_of(tmp_path)
    editor.process.kill()
    end = time.monotonic() + 90
    while processes_of(tmp_path):
        assert time.monotonic() < end, "the set-up outlived the backend"
        time.sleep(0.05)
    editor.close()


def processes_of(folder: Path) -> list[int]:
    """Living processes that have this folder in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture
def slow_index(tmp_path: Path) -> Iterator[tuple[str, threading.Event]]:
    """A package index on this machine that sends 30 MB slowly until the event is set."""
    pages = tmp_path / "index"
    pages.mkdir()
    wheel = make_wheel(pages, "tinypackage", 30_000_000)
    fast = threading.Event()

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith(".whl"):
                data = wheel.read_bytes()
            elif "tinypackage" in self.path:
                data = f'<html><body><a href="/{wheel.name}">{wheel.name}</a></body></html>'.encode()
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if len(data) < 1000 else "application/octet-stream")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for start in range(0, len(data), 1 << 18):
                try:
                    self.wfile.write(data[start : start + (1 << 18)])
                except OSError:
                    return
                if len(data) > 1000 and not fast.is_set():
                    time.sleep(0.05)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple/", fast
    server.shutdown()
    server.server_close()


def test_killed_in_the_middle_of_a_download_and_resumed(
    tmp_path: Path, requirements: Path, slow_index: tuple[str, threading.Event]
) -> None:
    index, fast = slow_index
    # Python 3.13 brings a pip that reports the bytes.
    found = sorted((Path.home() / ".pyenv" / "versions").glob("3.13.*/bin/python"))
    python = str(found[0]) if found else shutil.which("python3.13") or sys.executable
    environment = {**os.environ, "PIP_INDEX_URL": index, "PIP_NO_CACHE_DIR": "1"}
    arguments = command(tmp_path / "venv", requirements, python=python)
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    messages = []
    for line in process.stdout:
        messages.append(json.loads(line))
        assert "error" not in messages[-1], messages[-1]
        if " MB" in messages[-1]["message"]:
            break
    os.killpg(process.pid, 9)
    process.wait()
    process.stdout.close()
    assert messages[-1]["stage"] == "download"
    fast.set()
    run = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=400, check=False)
    last = json.loads(run.stdout.splitlines()[-1])
    assert last == {"result": {"executable": str(tmp_path / "venv" / "bin" / "python")}}
    if python != sys.executable:
        assert any("of 30.0 MB" in line for line in run.stdout.splitlines())


@pytest.mark.slow
def test_each_failure_has_its_name(tmp_path: Path, requirements: Path, small_disk: Path) -> None:
    folder = tmp_path / "venv"
    (tmp_path / "empty").mkdir()
    missing = set_up(folder, requirements, "--wheels", str(tmp_path / "empty"))[-1]["error"]
    assert missing["code"] == "SETUP_NO_PACKAGE"
    assert "tinypackage==1.0" in missing["cause"]
    assert missing["stage"] == "download"
    # The environment is kept, so only the download is tried again.
    offline = set_up(folder, requirements, PIP_INDEX_URL="http://127.0.0.1:9/simple/", PIP_RETRIES="0")[-1]["error"]
    assert offline["code"] == "SETUP_NO_NETWORK"
    assert offline["log"]
    full = set_up(small_disk / "venv", requirements)[-1]["error"]
    assert full["code"] == "SETUP_NO_SPACE"
    gone = set_up(folder, tmp_path / "none.txt")[-1]["error"]
    assert gone["code"] == "SETUP_NO_REQUIREMENTS"
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("mine", encoding="ascii")
    foreign = set_up(tmp_path / "foreign", requirements)[-1]["error"]
    assert foreign["code"] == "SETUP_FOLDER_IN_USE"
    assert (tmp_path / "foreign" / "thesis.txt").read_text(encoding="ascii") == "mine"


def test_a_python_without_ensurepip(tmp_path: Path, requirements: Path) -> None:
    """What Debian's python3 without python3-venv is like."""
    if not Path("/usr/bin/python3").exists():
        pytest.skip("there is no system Python")
    probe = subprocess.run(["/usr/bin/python3", "-c", "import ensurepip"], capture_output=True, check=False)
    if probe.returncode == 0:
        pytest.skip("the system's Python has ensurepip")
    run = subprocess.run(
        command(tmp_path / "venv", requirements, python="/usr/bin/python3"), capture_output=True, text=True, check=False
    )
    error = json.loads(run.stdout.splitlines()[-1])["error"]
    assert error["code"] == "SETUP_NO_VENV"
    assert "-venv" in error["remedy"]


def test_an_unsupported_python_says_so(tmp_path: Path, requirements: Path) -> None:
    found = sorted((Path.home() / ".pyenv" / "versions").glob("3.9.*/bin/python"))
    if not found:
        pytest.skip("there is no Python 3.9 on this machine")
    run = subprocess.run(
        command(tmp_path / "venv", requirements, python=str(found[0])), capture_output=True, text=True, check=False
    )
    assert json.loads(run.stdout.splitlines()[-1])["error"]["code"] == "SETUP_PYTHON_UNSUPPORTED"


def test_pips_lines_are_told_short() -> None:
    reported: list[tuple[str, float, str]] = []
    reader = environment_setup._PipOutput(lambda *progress: reported.append(progress))
    for line in (
        "Looking in indexes: https://example.org/simple",
        "Collecting pillow==13.0.0 (from -r /a/project/requirements.txt (line 9))",
        "  Downloading https://example.org/files/pillow-13.0.0-cp311.whl (7.1 MB)",
        "Progress 3550000 of 7100000",
        "Processing /a/folder/of/wheels/torch-2.13.0.whl",
        "Installing collected packages: pillow",
    ):
        reader.read(line)
    assert [line for _, _, line in reported] == [
        "Collecting pillow==13.0.0",
        "Downloading pillow-13.0.0-cp311.whl (7.1 MB)",
        "pillow: 3.5 of 7.1 MB",
        "Processing torch-2.13.0.whl",
        "Installing collected packages: pillow",
    ]
    fractions = [fraction for _, fraction, _ in reported]
    assert fractions == sorted(fractions)
