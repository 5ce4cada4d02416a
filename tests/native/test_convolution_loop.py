"""The addon's copy of XNNPACK: its convolution kernel with the replaced loop computes what the wheel's computes."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from importer.kernels import library
from tasks.console import ROOT

REPLACE = ROOT / "native" / "xnnpack" / "replace_loop.py"
SOURCE = REPLACE.with_name("convolution_loop.s")
KERNEL = ROOT / "tests" / "native" / "convolution_kernel.py"
XNNPACK = "libexecutorch_backend_xnnpack.so"
LOOP_IN_KERNEL = 0x195  # bytes from its first instruction to the loop
FIRST_BYTES = bytes.fromhex("554989fa4c89c74889e5")  # of the kernel: push %rbp, mov %rdi,%r10, ...


def _wheel() -> Path:
    spec = importlib.util.find_spec("executorch")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "lib" / XNNPACK


def _copy() -> Path:
    kernels = library.path()
    assert kernels is not None
    return kernels.with_name(XNNPACK)


def _changed() -> tuple[int, int]:
    """The first byte that differs, and the one behind the last."""
    wheel, copy = (numpy.frombuffer(path.read_bytes(), dtype=numpy.uint8) for path in (_wheel(), _copy()))
    assert wheel.size == copy.size
    differing = numpy.nonzero(wheel != copy)[0]
    return int(differing[0]), int(differing[-1]) + 1


def test_the_copy_differs_in_the_loop_alone() -> None:
    start, end = _changed()
    assert end - start <= 146
    kernel = start - LOOP_IN_KERNEL
    assert _copy().read_bytes()[kernel : kernel + len(FIRST_BYTES)] == FIRST_BYTES


@pytest.mark.skipif(
    "avx2" not in Path("/proc/cpuinfo").read_text(encoding="utf-8"), reason="this processor has no AVX2"
)
def test_both_kernels_give_the_same_bits() -> None:
    draw = random.Random(3)
    sizes = [(mr, nc) for mr in range(1, 6) for nc in (1, 2, 3, 4, 7, 8, 11, 12, 15, 16, 17, 31, 32, 33, 50)]
    cases = [(mr, nc, draw.randint(1, 40), draw.choice([1, 2, 3, 9, 25]), seed) for seed, (mr, nc) in enumerate(sizes)]
    kernel = _changed()[0] - LOOP_IN_KERNEL
    results = []
    for path in (_wheel(), _copy()):
        finished = subprocess.run(
            [sys.executable, str(KERNEL), str(path), str(kernel)],
            input=json.dumps(cases).encode(),
            capture_output=True,
            check=True,
        )
        results.append(numpy.frombuffer(finished.stdout, dtype=numpy.float32))
    assert results[0].size == sum(mr * nc for mr, nc, *_ in cases)
    assert numpy.ptp(results[0]) > 4  # they are no zeros
    assert results[0].tobytes() == results[1].tobytes()


def test_another_library_is_copied_as_it_is(tmp_path: Path) -> None:
    code, other, copy = (tmp_path / name for name in ("loop.o", "other.so", "copy.so"))
    subprocess.run(["as", str(SOURCE), "-o", str(code)], check=True)
    other.write_bytes(b"\x7fELF" + bytes(1000))
    finished = _replace(code, other, copy)
    assert "another loop" in finished.stdout
    assert copy.read_bytes() == other.read_bytes()
    assert "another loop" not in _replace(code, _wheel(), copy).stdout
    assert copy.read_bytes() == _copy().read_bytes()


def test_python_measures_the_addons_copy() -> None:
    script = "from importer.kernels import runtime; runtime.native(); print(open('/proc/self/maps').read())"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {line.split()[-1] for line in finished.stdout.splitlines() if line.endswith(XNNPACK)}
    assert loaded == {str(_copy().resolve())}


def _replace(code: Path, original: Path, copy: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPLACE), "objcopy", str(code), str(original), str(copy)]
    return subprocess.run(command, capture_output=True, text=True, check=True)
