"""Calls XNNPACK's float32 kernels in a library: xnnpack_kernel.py LIBRARY, a list of cases as JSON on stdin.

A case is {"kernel": place in the file, "indirect": bool, "rows", "columns": of a tile, "mr", "nc", "kc", "ks", "seed"}:
rows, output channels, input channels and taps of the call. The results go to stdout as one array, as bytes.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy


class Bounds(ctypes.Structure):
    _fields_ = (("low", ctypes.c_float), ("high", ctypes.c_float))


def address(library: Path, position: int) -> int:
    """Where the byte at `position` of a loaded library's file lies in memory."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        span, rights, offset, _, _, *path = line.split()
        start, end = (int(edge, 16) for edge in span.split("-"))
        inside = position - int(offset, 16)
        if path == [str(library)] and "x" in rights and 0 <= inside < end - start:
            return start + inside
    raise SystemExit(f"no code at {position} of {library}")


def run(kernel: int, case: dict[str, Any]) -> Any:
    """The arguments are those of XNNPACK's xnn_f32_igemm_minmax_ukernel_fn and xnn_f32_gemm_minmax_ukernel_fn."""
    rows, columns, mr, nc, kc, ks = (case[name] for name in ("rows", "columns", "mr", "nc", "kc", "ks"))
    random = numpy.random.default_rng(case["seed"])
    pixels = random.standard_normal((ks * rows, kc), dtype=numpy.float32)
    zero = numpy.zeros(kc, dtype=numpy.float32)
    pointers = [zero.ctypes.data if random.random() < 0.2 else row.ctypes.data for row in pixels]
    count = -(-nc // columns) * columns * (1 + (ks if case["indirect"] else 1) * kc)
    memory = numpy.zeros(count + 16 + 512, dtype=numpy.float32)  # the loops read ahead
    start = (-memory.ctypes.data % 64) // 4
    weights = memory[start : start + count]
    weights[:] = random.standard_normal(count, dtype=numpy.float32)
    result = numpy.zeros((mr, nc), dtype=numpy.float32)
    bounds = Bounds(-3.0, 5.0)
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    strides = (nc * 4, columns * 4)
    if case["indirect"]:
        inputs = (pointer * len(pointers))(*pointers)
        ctypes.CFUNCTYPE(None, *[size] * 4, *[pointer] * 3, *[size] * 3, *[pointer] * 2)(kernel)(
            *(mr, nc, kc * 4, ks * rows * 8, inputs, weights.ctypes.data, result.ctypes.data, *strides, 0),
            *(zero.ctypes.data, ctypes.addressof(bounds)),
        )
    else:
        ctypes.CFUNCTYPE(None, *[size] * 3, pointer, size, *[pointer] * 2, *[size] * 2, pointer)(kernel)(
            *(mr, nc, kc * 4, pixels.ctypes.data, kc * 4, weights.ctypes.data, result.ctypes.data, *strides),
            ctypes.addressof(bounds),
        )
    return result.ravel()


if __name__ == "__main__":
    library = Path(sys.argv[1])
    spec = importlib.util.find_spec("executorch")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    wheel = Path(spec.submodule_search_locations[0]) / "lib"
    for name in ("libexecutorch.so", "libexecutorch_threadpool.so"):
        ctypes.CDLL(str(wheel / name))
    loaded = ctypes.CDLL(str(library))
    results = [run(address(library.resolve(), case["kernel"]), case) for case in json.load(sys.stdin)]
    sys.stdout.buffer.write(numpy.concatenate(results).tobytes())
