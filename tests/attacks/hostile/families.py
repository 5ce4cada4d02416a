"""All hostile files, by the module that makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.attacks.hostile import (
    companions,
    onnx_files,
    pickles,
    plain_files,
    program_files,
    programs,
    quantized,
    scripts,
    special_files,
    symbols,
    zips,
)
from tests.attacks.hostile.canary import Hostile

FAMILIES: dict[str, Callable[[Path], Iterator[Hostile]]] = {
    "zips": lambda _: zips.files(),
    "programs": programs.files,
    "quantized": quantized.files,
    "scripts": lambda _: scripts.files(),
    "plain_files": plain_files.files,
    "onnx_files": lambda _: onnx_files.files(),
    "symbols": symbols.files,
    "pickles": lambda _: pickles.files(),
    "companions": companions.files,
    "special_files": special_files.files,
    "program_files": program_files.files,
}
