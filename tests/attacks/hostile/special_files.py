"""Names in a project that are not plain files: pipes, devices, sockets, links and files without an end.

A pipe waits for a writer, a device and a sparse file have no end: whoever only opens or hashes them hangs.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import Hostile
from tests.attacks.hostile.plain_files import _safetensors, _tensor

_SECONDS = {"deadline_seconds": 8}
_TERABYTE = 1 << 40
_CODE = "import os\nos.mkdir({canary!r})\n"


def _sparse(path: Path, head: bytes, size: int) -> None:
    """A file whose bytes after `head` are zeros that take no room."""
    path.write_bytes(head)
    os.truncate(path, size)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # the address of a socket is short
        try:
            listening.bind(path.name)
        finally:
            os.chdir(here)


def _large_tensor(path: Path) -> None:
    """Weights that are what their header says: a terabyte of zeros."""
    header = json.dumps({"a": _tensor(shape=[_TERABYTE // 4], data_offsets=[0, _TERABYTE])}).encode()
    _sparse(path, struct.pack("<Q", len(header)) + header, 8 + len(header) + _TERABYTE)


# What has the model's name.
MODELS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "pipe": (".pt", os.mkfifo),
    "pipe_onnx": (".onnx", os.mkfifo),
    "pipe_program": (".pte", os.mkfifo),
    "folder": (".pt", lambda path: path.mkdir(exist_ok=True)),
    "socket": (".pt", _socket),
    "zeros": (".pt2", lambda path: path.symlink_to("/dev/zero")),
    "random": (".safetensors", lambda path: path.symlink_to("/dev/urandom")),
    "terminal": (".pt", lambda path: path.symlink_to("/dev/tty")),
    "itself": (".pt", lambda path: path.symlink_to(path.name)),
    "memory": (".pt", lambda path: path.symlink_to("/proc/self/mem")),
    "nothing": (".pt", lambda path: path.symlink_to("nowhere/at/all.pt")),
    "sparse_pickle": (".pt", lambda path: _sparse(path, b"\x80\x02", _TERABYTE)),
    "sparse_archive": (".pt2", lambda path: _sparse(path, b"PK\3\4", _TERABYTE)),
    "sparse_program": (".pte", lambda path: _sparse(path, b"\x30\0\0\0ET12eh00", _TERABYTE)),
    "sparse_onnx": (".onnx", lambda path: _sparse(path, b"\x08\x08", _TERABYTE)),
    "sparse_weights": (".safetensors", _large_tensor),
}


def _weights(path: Path) -> None:
    path.write_bytes(_safetensors({"weight": _tensor(), "bias": _tensor(data_offsets=[4, 8])}, b"\0" * 8))


def _empty_folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def _package(inside: Callable[[Path], None], path: Path) -> None:
    """A factory that imports a package in which one module is something else."""
    package = _empty_folder(path.with_name("around"))
    (package / "__init__.py").write_text("", encoding="utf-8")
    inside(package / "inner.py")
    path.with_name("named.py").write_text("import around.inner\n", encoding="utf-8")


def _beside(name: str, make: Callable[[Path], None], path: Path) -> None:
    place = path.with_name(name)
    place.unlink(missing_ok=True)
    make(place)


def _text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _in_data(make: Callable[[Path], None], path: Path) -> None:
    make(_empty_folder(path.with_name("calibration_data")) / "x.npy")


_FACTORY = {"factory": "res://named.py:build"}
_LONG_IF = "if a:\n pass\n" + "elif a:\n pass\n" * 17_000
_PIPE, _ZEROS = os.mkfifo, lambda path: path.symlink_to("/dev/zero")
# What lies beside weights, or is named by an option.
BESIDE: dict[str, tuple[dict[str, Any], Callable[[Path], None]]] = {
    "factory_pipe": (_FACTORY, partial(_beside, "named.py", _PIPE)),
    "factory_zeros": (_FACTORY, partial(_beside, "named.py", _ZEROS)),
    "factory_sparse": (_FACTORY, partial(_beside, "named.py", lambda path: _sparse(path, b"import x\n", _TERABYTE))),
    "module_pipe": (_FACTORY, partial(_package, _PIPE)),
    "module_zeros": (_FACTORY, partial(_package, _ZEROS)),
    "module_sparse": (_FACTORY, partial(_package, lambda path: _sparse(path, b"import x\n", _TERABYTE))),
    "metric_pipe": ({"metric": "res://named.py:measure"}, partial(_beside, "named.py", _PIPE)),
    "calibration_pipe": ({"calibration": "res://pipe.npz"}, partial(_beside, "pipe.npz", _PIPE)),
    "calibration_sparse": ({"calibration": "res://calibration_data"},
                           partial(_in_data, lambda path: _sparse(path, b"\x93NUMPY\1\0", _TERABYTE))),
    "evaluate_pipe": ({"evaluate": "res://pipe.npz"}, partial(_beside, "pipe.npz", _PIPE)),
    # A state dict's architecture is looked for in all Python files of a project.
    "python_pipe": ({}, partial(_beside, "a_network.py", _PIPE)),
    "python_sparse": ({}, partial(_beside, "a_network.py", lambda path: _sparse(path, b"import x\n", _TERABYTE))),
    "python_deep": ({}, partial(_beside, "a_network.py", partial(_text, "[" * 100_000))),
    "python_minus": ({}, partial(_beside, "a_network.py", partial(_text, "-" * 200_000 + "1"))),
    "python_dots": ({}, partial(_beside, "a_network.py", partial(_text, "a" + ".a" * 120_000))),
    "python_calls": ({}, partial(_beside, "a_network.py", partial(_text, "f" + "()" * 120_000))),
    "python_if": ({}, partial(_beside, "a_network.py", partial(_text, _LONG_IF))),
}  # fmt: skip


def _make_model(make: Callable[[Path], None], path: Path, _: Path) -> None:
    make(path)


def _make_beside(make: Callable[[Path], None], path: Path, canary: Path) -> None:
    _weights(path)
    path.with_name("named.py").unlink(missing_ok=True)
    (path.parent / "x.py").write_text(_CODE.format(canary=str(canary)), encoding="utf-8")
    make(path)


def _weights_beside(make: Callable[[Path], None], base: Path, path: Path, _: Path) -> None:
    shutil.copyfile(base, path)
    _beside(path.with_suffix(".ptd").name, make, path)


def _onnx_beside(make: Callable[[Path], None], path: Path, _: Path) -> None:
    from tests.attacks.hostile.onnx_files import external

    path.write_bytes(external(f"{path.name}.data"))
    _beside(f"{path.name}.data", make, path)


def files(models: Path) -> Iterator[Hostile]:
    for name, (suffix, model) in MODELS.items():
        yield Hostile(f"special_{name}", suffix, partial(_make_model, model), _SECONDS)
    for name, (options, make) in BESIDE.items():
        hostile = partial(_make_beside, make)
        yield Hostile(f"special_{name}", ".safetensors", hostile, {**_SECONDS, **options})
    beside: dict[str, Callable[[Path], None]] = {
        "pipe": _PIPE, "zeros": _ZEROS, "sparse": lambda path: _sparse(path, b"\x30\0\0\0FT01FH01", _TERABYTE),
    }  # fmt: skip
    for name, make in beside.items():
        program = partial(_weights_beside, make, models / "external_weights.pte")
        yield Hostile(f"special_weights_{name}", ".pte", program, _SECONDS)
        yield Hostile(f"special_onnx_{name}", ".onnx", partial(_onnx_beside, make), _SECONDS)
