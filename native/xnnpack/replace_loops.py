"""Copies ExecuTorch's XNNPACK library with faster innermost loops in four kernels; loops.s says why.

    replace_loops.py OBJCOPY OBJECT LIBRARY COPY

OBJECT is loops.s assembled. What a LIBRARY of another compiler or version has in place of a loop stays as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

LOOPS = 4
JUMP_OF_TWO_BYTES = 0xEB
TRAP = b"\xcc"


def main(objcopy: str, code: str, library: str, copy: str) -> int:
    content = Path(library).read_bytes()
    for number in range(1, LOOPS + 1):
        compiled, replacement = (_section(objcopy, code, f"{name}_{number}") for name in ("compiled", "replacement"))
        if content.count(compiled) == 1:
            content = content.replace(compiled, _filled(replacement, len(compiled)))
        else:
            print(f"{Path(library).name} has another loop {number}: it stays as it is")
    _write(Path(copy), content, Path(library).stat().st_mode)
    return 0


def _section(objcopy: str, code: str, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        subprocess.run([objcopy, "-O", "binary", "-j", name, code, str(target)], check=True)
        return target.read_bytes()


def _filled(code: bytes, size: int) -> bytes:
    """The code, a jump over the rest of the place, and traps that nothing reaches."""
    rest = size - len(code) - 2
    if not 0 <= rest < 128:
        raise SystemExit(f"{len(code)} bytes of code do not fit into {size}")
    return code + bytes([JUMP_OF_TWO_BYTES, rest]) + TRAP * rest


def _write(path: Path, content: bytes, mode: int) -> None:
    """Nothing when the file is as it should be, so that its time stays; else a new file that is renamed into place."""
    if path.is_file() and path.read_bytes() == content:
        return
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.chmod(mode)
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
