"""Calibration folders hold files of others too: images that unpack to gigabytes, formats that start programs."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ImporterError
from tests.attacks.hostile.canary import Runs


def _png(width: int, height: int) -> bytes:
    """All pixels black, so that a large one is a small file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def _eps(canary: Path) -> bytes:
    """Pillow gives such an image to Ghostscript."""
    program = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n({canary}) (w) file closefile\nshowpage\n"
    return program.encode()


def _array(header: str, data: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def _pickled(canary: Path) -> bytes:
    import numpy as np

    stream = io.BytesIO()
    np.save(stream, np.array([Runs(canary)], dtype=object), allow_pickle=True)
    return stream.getvalue()


def _npz(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", data)
    return stream.getvalue()


def _npz_bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        file.write(_array("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,), }"))
        for _ in range(2000):
            file.write(b"\0" * 1_000_000)
    return stream.getvalue()


HUGE = "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1024), }"
FILES: dict[str, Callable[[Path], bytes]] = {
    "bomb.png": lambda _: _png(60_000, 60_000),
    "cut.png": lambda _: _png(64, 64)[:45],
    "program.png": _eps,
    "gif.webp": lambda _: b"GIF89a" + struct.pack("<2H3B", 8, 8, 0, 0, 0) + b",\0\0\0\0\x08\0\x08\0\0\x02\x02L\x01\0;",
    "bitmap.jpg": lambda _: b"BM" + b"\0" * 100,
    "pickled.npy": _pickled,
    "pickled.npz": lambda canary: _npz(_pickled(canary)),
    "pickle.npy": lambda canary: __import__("pickle").dumps(Runs(canary)),
    "huge.npy": lambda _: _array(HUGE, b"\0" * 64),
    "huge.npz": lambda _: _npz(_array(HUGE, b"\0" * 64)),
    "code.npy": lambda canary: _array(f"{{'descr': __import__('os').mkdir('{canary}'), 'shape': (1,)}}"),
    "bomb.npz": lambda _: _npz_bomb(),
    "archive.npy": lambda canary: _npz(_pickled(canary)),
}


@pytest.mark.parametrize("name", FILES)
def test_calibration_files_are_refused_without_effect(name: str, tmp_path: Path) -> None:
    import resource

    from importer.inputs.calibration import read_folder
    from importer.model import Method
    from importer.signature import parse_inputs

    unused: Any = None
    method = Method("forward", unused, unused, ((), {}), parse_inputs("x: float32[1,1,16,16]"), [])
    folder, canary = tmp_path / "data", tmp_path / "canary"
    folder.mkdir()
    (folder / name).write_bytes(FILES[name](canary))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImporterError) as caught:
        read_folder(folder, method)
    assert caught.value.code == "CALIBRATION_INVALID" and name in caught.value.cause
    assert not canary.exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500 << 10
