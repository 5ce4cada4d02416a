"""The addon's copy of XNNPACK: its kernels with replaced loops compute what the wheel's compute."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy
import pytest

from importer.kernels import library
from tasks.console import ROOT

REPLACE = ROOT / "native" / "xnnpack" / "replace_loops.py"
SOURCE = REPLACE.with_name("loops.s")
CALLS = ROOT / "tests" / "native" / "xnnpack_kernel.py"
XNNPACK = "libexecutorch_backend_xnnpack.so"


@dataclass(frozen=True)
class Kernel:
    """One of XNNPACK's kernels: its tile, and how many bytes before its loop it begins, with which bytes."""

    number: int
    name: str
    indirect: bool
    rows: int
    columns: int
    loop: int
    first: str


KERNELS = [
    Kernel(1, "igemm 5x16", True, 5, 16, 0x195, "554989fa4c89c7"),
    Kernel(2, "gemm 5x16", False, 5, 16, 0xE9, "554889c84889e5"),
    Kernel(3, "igemm 10x8", True, 10, 8, 0x2D3, "554889e541574d"),
    Kernel(4, "gemm 10x8", False, 10, 8, 0x16D, "554889e5415749"),
]


def _wheel() -> Path:
    spec = importlib.util.find_spec("executorch")
    assert spec is not None and spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "lib" / XNNPACK


def _copy() -> Path:
    kernels = library.path()
    assert kernels is not None
    return kernels.with_name(XNNPACK)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """loops.s, assembled."""
    made = tmp_path_factory.mktemp("loops") / "loops.o"
    subprocess.run(["as", str(SOURCE), "-o", str(made)], check=True)
    return made


def _loop(code: Path, kernel: Kernel) -> tuple[int, int]:
    """Where the compiled loop is in the wheel's library, and how long it is."""
    section = code.with_suffix(f".{kernel.number}")
    command = ["objcopy", "-O", "binary", "-j", f"compiled_{kernel.number}", str(code), str(section)]
    subprocess.run(command, check=True)
    compiled, content = section.read_bytes(), _wheel().read_bytes()
    assert content.count(compiled) == 1
    return content.index(compiled), len(compiled)


def test_the_copy_differs_in_the_loops_alone(code: Path) -> None:
    wheel, copy = (numpy.frombuffer(path.read_bytes(), dtype=numpy.uint8) for path in (_wheel(), _copy()))
    same = wheel == copy
    for kernel in KERNELS:
        start, length = _loop(code, kernel)
        assert not same[start : start + length].all(), kernel.name
        same[start : start + length] = True
    assert same.all()


@pytest.mark.skipif("avx2" not in Path("/proc/cpuinfo").read_text(encoding="utf-8"), reason="the processor has no AVX2")
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_both_kernels_give_the_same_bits(kernel: Kernel, code: Path) -> None:
    position = _loop(code, kernel)[0] - kernel.loop
    first = bytes.fromhex(kernel.first)
    assert _wheel().read_bytes()[position : position + len(first)] == first
    draw = random.Random(3)
    tile = {"kernel": position, "indirect": kernel.indirect, "rows": kernel.rows, "columns": kernel.columns}
    cases = [
        {**tile, "mr": mr, "nc": nc, "kc": draw.randint(1, 40), "ks": draw.choice([1, 2, 3, 9, 25]), "seed": mr * nc}
        for mr in range(1, kernel.rows + 1)
        for nc in (1, 2, 3, 4, 7, 8, 11, 12, 15, 16, 17, 31, 32, 33, 50)
    ]
    results = []
    for path in (_wheel(), _copy()):
        command = [sys.executable, str(CALLS), str(path)]
        finished = subprocess.run(command, input=json.dumps(cases).encode(), capture_output=True, check=True)
        results.append(numpy.frombuffer(finished.stdout, dtype=numpy.float32))
    assert results[0].size == sum(case["mr"] * case["nc"] for case in cases)
    assert numpy.ptp(results[0]) > 4  # the results are not all zeros
    assert results[0].tobytes() == results[1].tobytes()


def test_another_library_is_copied_as_it_is(code: Path, tmp_path: Path) -> None:
    other, copy = tmp_path / "other.so", tmp_path / "copy.so"
    other.write_bytes(b"\x7fELF" + bytes(1000))
    assert "another loop 1" in _replace(code, other, copy)
    assert copy.read_bytes() == other.read_bytes()
    assert _replace(code, _wheel(), copy) == ""
    assert copy.read_bytes() == _copy().read_bytes()


def test_python_measures_the_addons_copy() -> None:
    script = "from importer.kernels import runtime; runtime.native(); print(open('/proc/self/maps').read())"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {line.split()[-1] for line in finished.stdout.splitlines() if line.endswith(XNNPACK)}
    assert loaded == {str(_copy().resolve())}


def _replace(code: Path, original: Path, copy: Path) -> str:
    command = [sys.executable, str(REPLACE), "objcopy", str(code), str(original), str(copy)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
