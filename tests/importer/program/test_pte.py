"""The reader of programs: what it says is true, and no bytes make it crash or hang."""

from __future__ import annotations

import contextlib
import json
import random
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import ImporterError
from importer.program.flatbuffer import Malformed
from importer.program.graph import graph
from importer.program.memory_plan import plan
from importer.program.metadata import inspect
from importer.program.program import parse_program, read_program
from importer.proof.trial import calls_of


def test_a_portable_program(models: Path) -> None:
    found = inspect(models / "linear_portable.pte")
    (method,) = found["methods"]
    assert method["name"] == "forward"
    assert method["inputs"] == [{"name": "input_0", "dtype": "float32", "shape": [1, 1], "ranges": [[1, 1], [1, 1]]}]
    assert method["operators"] == {"aten::addmm.out": 1, "aten::permute_copy.out": 1}
    assert method["delegation"]["share"] == 0 and len(method["delegation"]["left_behind"]) == 2
    assert method["planned_memory"] == [48]


def test_inside_an_xnnpack_delegate(models: Path) -> None:
    (method,) = inspect(models / "linear_xnnpack.pte")["methods"]
    (delegate,) = method["delegates"]
    assert (delegate["backend"], delegate["operators"]) == ("XnnpackBackend", {"fully_connected": 1})
    assert method["delegation"] == {"delegated": 1, "total": 1, "share": 1.0, "left_behind": []}


def test_methods_and_names_of_outputs(models: Path) -> None:
    double, forward = inspect(models / "two_methods.pte")["methods"]
    assert (double["name"], forward["name"]) == ("double", "forward")
    assert [item["name"] for item in double["outputs"]] == ["sum", "product"]


def test_the_same_as_executorch_says(models: Path) -> None:
    from executorch.extension.pybindings import _C

    for path in sorted(models.glob("*.pte")):
        program = _C._load_program(str(path))
        found = {method.name: method for method in read_program(path).methods}
        assert sorted(found) == sorted(program.get_method_name(index) for index in range(program.num_methods()))
        for name, method in found.items():
            meta = program.method_meta(name)
            shapes = [tuple(meta.input_tensor_meta(index).sizes()) for index in range(meta.num_inputs())]
            assert [value.shape for _, value in method.inputs] == shapes
            assert len(method.outputs) == meta.num_outputs()


def test_memory_plan(models: Path) -> None:
    (method,) = read_program(models / "counter.pte").methods
    found = plan(method)
    assert found["instructions"] == ["aten::add.out", "aten::mul.out", "aten::copy_"]
    for buffer, offset, size, first, last, dtype, shape, _ in found["tensors"]:
        assert offset + size <= method.planned_memory[buffer]
        assert 0 <= first <= last <= len(found["instructions"]) and (dtype, shape) == ("float32", [1])


def test_graph(models: Path) -> None:
    (method,) = graph(models / "linear_portable.pte")["methods"]
    transpose, product = method["nodes"]
    assert transpose["outputs"][0] in product["inputs"] and product["outputs"] == method["outputs"]
    (method,) = graph(models / "linear_xnnpack.pte")["methods"]
    (node,) = method["nodes"]
    assert node["inputs"] == method["inputs"] and node["inner"][0]["operator"] == "fully_connected"
    assert node["inner_values"][str(node["inner"][0]["inputs"][1])]["constant"]


def test_no_torch_is_imported(models: Path) -> None:
    code = (
        "import sys, json; from pathlib import Path;"
        "from importer.program.metadata import inspect; from importer.program.graph import graph;"
        "inspect(Path(sys.argv[1])); graph(Path(sys.argv[1]));"
        "print(json.dumps([name for name in ('torch', 'executorch', 'numpy') if name in sys.modules]))"
    )
    root = Path(__file__).parents[3]
    words = [sys.executable, "-c", code, str(models / "linear_xnnpack.pte")]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_a_hundred_megabytes_are_not_read(models: Path, tmp_path: Path) -> None:
    data = bytearray((models / "linear_portable.pte").read_bytes())
    path = tmp_path / "large.pte"
    size = 100 << 20
    # The last segment grows: the same program with more weights.
    struct.pack_into("<Q", data, 32, size)
    with path.open("wb") as file:
        file.write(data)
        file.truncate(len(data) + size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    found = inspect(path)
    touched = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()
    assert found["payload"]["size"] > size
    assert touched < 20 << 20


@pytest.mark.parametrize("data", [b"", b"ET12", b"\0" * 100, b"x" * 64, b"\0\0\0\0ET12" + b"\xff" * 200])
def test_what_is_no_program_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.pte"
    path.write_bytes(data)
    with pytest.raises(ImporterError) as caught:
        inspect(path)
    assert caught.value.code == "PTE_INVALID"


def test_every_truncation_is_refused_or_harmless(models: Path) -> None:
    for name in ("linear_xnnpack.pte", "two_methods.pte"):
        data = (models / name).read_bytes()
        refused = 0
        for end in range(0, len(data), 7):
            try:
                parse_program(data[:end], end)
            except Malformed:
                refused += 1
        assert refused >= len(data) // 7 - 10


def test_references_to_the_same_table_are_counted() -> None:
    """A small file that names one method very often must not take long."""
    count = 20_000
    data = bytearray(count * 4 + 400)
    struct.pack_into("<I4s4s", data, 0, 64, b"ET12", b"none")
    struct.pack_into("<HHHH", data, 40, 8, 8, 0, 4)  # a description with field 1 at 4
    struct.pack_into("<iI", data, 64, 24, 28)  # the root: its vector of methods at 96
    struct.pack_into("<I", data, 96, count)
    table = count * 4 + 200
    struct.pack_into("<i", data, table, table - 40)
    struct.pack_into("<I", data, table + 4, 4)
    for index in range(count):
        place = 100 + 4 * index
        struct.pack_into("<I", data, place, table - place)
    began = time.monotonic()
    with contextlib.suppress(Malformed):
        parse_program(bytes(data), len(data))
    assert time.monotonic() - began < 60


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Some bytes, numbers or stretches of a file changed."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        place = rng.randrange(len(changed))
        kind = rng.randrange(4)
        if kind == 0:
            changed[place] = rng.randrange(256)
        elif kind == 1:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 2 and place + 4 <= len(changed):
            struct.pack_into(
                "<I", changed, place, rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data), rng.randrange(2**32)))
            )
        elif kind == 3:
            other = rng.randrange(len(changed))
            changed[place : place + 8] = changed[other : other + 8]
    return bytes(changed)


def fuzz(models: Path, rounds: int) -> tuple[int, int, float]:
    """How many mutated programs were read, how many refused, and the longest time of one."""
    sources = [(models / name).read_bytes() for name in ("linear_xnnpack.pte", "counter.pte", "two_methods.pte")]
    # The weights behind the program do not matter to the reader.
    rng = random.Random(12)
    good = bad = 0
    longest = 0.0
    for number in range(rounds):
        data = mutate(sources[number % len(sources)], rng)
        began = time.perf_counter()
        try:
            for method in parse_program(data, len(data)).methods:
                plan(method)
            good += 1
        except Malformed:
            bad += 1
        longest = max(longest, time.perf_counter() - began)
    return good, bad, longest


def test_mutations_are_read_or_refused(models: Path) -> None:
    good, bad, longest = fuzz(models, 8_000)
    assert good > 0 and bad > 0 and longest < 60


@pytest.mark.slow
def test_a_hundred_thousand_mutations(models: Path) -> None:
    good, bad, longest = fuzz(models, 100_000)
    print(f"{good} read, {bad} refused, the longest took {longest * 1e3:.1f} ms")
    assert good + bad == 100_000 and longest < 60


@settings(max_examples=200)
@given(st.binary(min_size=0, max_size=400))
def test_random_bytes_behind_the_magic(data: bytes) -> None:
    whole = b"\x10\0\0\0ET12" + data
    with contextlib.suppress(Malformed):
        parse_program(whole, len(whole))


def test_the_methods_that_are_not_run_are_named(models: Path) -> None:
    tensor, number = [{"name": "x", "dtype": "float32", "shape": [1]}], [{"name": "n", "dtype": "int", "shape": []}]
    body = {"methods": [{"name": "counts", "inputs": number}, {"name": "forward", "inputs": tensor}]}
    calls, note = calls_of(body)
    assert [call.method for call in calls] == ["forward"] and note == "Not run: counts has inputs that are not tensors."


def test_a_model_that_is_not_converted_yet(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    with pytest.raises(ImporterError) as caught:
        read_program(tmp_path / "x.pth")
    assert "convert a model first" in caught.value.remedy and "damaged" not in caught.value.remedy
