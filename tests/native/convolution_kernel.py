"""Calls one of XNNPACK's convolution kernels in a library: convolution_kernel.py LIBRARY POSITION, cases on stdin.

POSITION is the kernel's place in the file. A case is (mr, nc, kc, ks, seed): rows, output channels, input channels and
taps. The results go to stdout as one array, as bytes.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import sys
from pathlib import Path

import numpy

ROWS = 5
COLUMNS = 16


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


def run(kernel: int, mr: int, nc: int, kc: int, ks: int, seed: int) -> numpy.ndarray:
    # The arguments are those of XNNPACK's xnn_f32_igemm_minmax_ukernel_fn.
    random = numpy.random.default_rng(seed)
    pixels = random.standard_normal((ks * ROWS, kc), dtype=numpy.float32)
    zero = numpy.zeros(kc, dtype=numpy.float32)
    pointers = [zero.ctypes.data if random.random() < 0.2 else row.ctypes.data for row in pixels]
    blocks = -(-nc // COLUMNS)
    count = blocks * COLUMNS * (1 + ks * kc)
    room = numpy.zeros(count + 16 + 256, dtype=numpy.float32)  # the loop reads ahead
    start = (-room.ctypes.data % 32) // 4
    weights = room[start : start + count]
    weights[:] = random.standard_normal(count, dtype=numpy.float32)
    result = numpy.zeros((mr, nc), dtype=numpy.float32)
    bounds = Bounds(-3.0, 5.0)
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    ctypes.CFUNCTYPE(None, *[size] * 4, *[pointer] * 3, *[size] * 3, *[pointer] * 2)(kernel)(
        *(mr, nc, kc * 4, ks * ROWS * 8),
        *((pointer * len(pointers))(*pointers), weights.ctypes.data, result.ctypes.data),
        *(nc * 4, COLUMNS * 4, 0),
        *(zero.ctypes.data, ctypes.addressof(bounds)),
    )
    return result.ravel()


if __name__ == "__main__":
    library = Path(sys.argv[1])
    wheel = Path(importlib.util.find_spec("executorch").submodule_search_locations[0]) / "lib"
    for name in ("libexecutorch.so", "libexecutorch_threadpool.so"):
        ctypes.CDLL(str(wheel / name))
    loaded = ctypes.CDLL(str(library))
    kernel = address(library.resolve(), int(sys.argv[2]))
    results = [run(kernel, *case) for case in json.load(sys.stdin)]
    sys.stdout.buffer.write(numpy.concatenate(results).tobytes())
