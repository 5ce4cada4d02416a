"""The supported Pythons, and the errors for others and for a missing importer. Python 3.6 can read this file."""

import json
import os
import shutil
import socket
import struct
import sys

from python_backend import PROTOCOL

OLDEST = (3, 10)
TOO_NEW = (3, 14)
RANGE = "3.%d to 3.%d" % (OLDEST[1], TOO_NEW[1] - 1)  # noqa: UP031


def is_supported() -> bool:
    return OLDEST <= tuple(sys.version_info[:2]) < TOO_NEW


def problem() -> "dict[str, str]":
    """The `environment` problem: code, cause, and the command that makes an environment with a fitting Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    found = [name for name in ("python3.12", "python3.11", "python3.13", "python3.10") if shutil.which(name)]
    command = setup_command(found[0] if found else "python3.12")
    return {
        "code": "WRONG_PYTHON",
        "cause": f"Python {version} at {sys.executable} cannot be used: {RANGE} is needed.",
        "remedy": command if found else "Install Python 3.12, then run: " + command,
    }


def setup_command(python: str) -> str:
    """The command that makes the environment that the editor looks for, with the interpreter `python`."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "environment_setup.py")  # noqa: PTH100, PTH118, PTH120
    return f'{python} "{script}"'


def user_folder() -> str:
    """The folder of the environment that the editor's Set Up makes; editor/backend/interpreters.gd looks for it."""
    home = os.path.expanduser("~")  # noqa: PTH111
    if sys.platform == "win32":
        data = os.environ.get("APPDATA") or os.path.join(home, "AppData", "Roaming")  # noqa: PTH118
    elif sys.platform == "darwin":
        data = os.path.join(home, "Library", "Application Support")  # noqa: PTH118
    else:
        data = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")  # noqa: PTH118
    return os.path.join(data, "executorch-godot", "python")  # noqa: PTH118


def importer_missing() -> "dict[str, str]":
    """The `environment` problem of an incomplete addon."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    cause = "The importer is not beside the backend: there is no " + os.path.join(root, "importer") + "."  # noqa: PTH118
    return {"code": "IMPORTER_MISSING", "cause": cause, "remedy": "Install the complete addon again."}


def tell_editor(told: "dict[str, str]") -> int:
    """Say hello with a problem and wait until the editor closes; an exit status."""
    port, secret = os.environ.get("EXECUTORCH_RPC_PORT", ""), os.environ.get("EXECUTORCH_RPC_SECRET", "")
    if not port.isdigit() or not secret:
        sys.stderr.write(told["cause"] + " " + told["remedy"] + "\n")
        return 2
    hello = {
        "secret": secret,
        "protocol": PROTOCOL,
        "importer": "",
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "executable": sys.executable,
        "pid": os.getpid(),
        "environment": {"ok": False, "problems": [told]},
    }
    body = json.dumps({"jsonrpc": "2.0", "method": "hello", "params": hello}).encode()
    try:
        stream = socket.create_connection(("127.0.0.1", int(port)), timeout=10.0)
        stream.sendall(struct.pack(">I", len(body)) + body)
        stream.settimeout(600.0)
        while stream.recv(65536):
            pass
    except OSError as error:
        sys.stderr.write(f"The editor cannot be reached: {error}\n")
    return 1
