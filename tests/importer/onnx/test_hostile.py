"""What no writer of ONNX makes is refused with an error of its own, soon and without much memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.sources.early_checks import refuse_early
from importer.sources.file_kind import recognise
from importer.sources.load import load
from importer.sources.onnx.file.model_file import read_model
from importer.sources.onnx.tensors import to_torch
from tests.attacks.hostile.onnx_files import FILES, data_of
from tests.importer.onnx import graphs
from tests.importer.onnx.graphs import FLOAT, model, node

ROOT = Path(__file__).resolve().parents[3]
MEASURE = """
import resource, sys
from pathlib import Path
from importer.errors import ImporterError
from tests.importer.onnx.graphs import classifier, write
from tests.importer.onnx.test_hostile import opened
opened(write(classifier(), Path("first.onnx")))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    opened(Path(sys.argv[1]))
except ImporterError as error:
    print(error.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def opened(path: Path) -> None:
    """What a conversion does until the model is exported."""
    refuse_early(path, None, ImportOptions(), False)
    load(path, recognise(path), ImportOptions(), None, False, path.parent)


@pytest.mark.parametrize("name", [name for name, (_, code) in FILES.items() if code])
def test_a_hostile_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(data_of(name))
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ImporterError) as caught:
        opened(path)
    assert caught.value.code == FILES[name][1] and len(caught.value.cause) < 1000
    # Wide bounds: without limits it was minutes and gigabytes.
    assert time.process_time() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 << 10


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss")
def test_an_input_that_doubles_is_refused_before_it_is_large(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(data_of("doubling_input"))
    # A process of its own: the most that this one has used may be more.
    command = [sys.executable, "-c", MEASURE, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    code, kilobytes = done.stdout.split()
    assert code == "ONNX_TOO_LARGE" and int(kilobytes) < 200 << 10


def test_large_results_of_a_small_file_are_taken(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], ["a"]),
        node("Conv", ["a", "w"], ["b"], strides=[2, 2], kernel_shape=[2, 2]),
        node("Concat", ["b", "b"], ["c"], axis=1),
        node("GlobalAveragePool", ["c"], ["d"]),
        node("TopK", ["d", "k"], ["y", "places"], axis=1),
    ]
    constants = {"w": graphs.random(4, 1, 2, 2), "k": np.array([3])}
    made = model(nodes, [("x", FLOAT, [1, 1, 4096, 4096])], [("y", FLOAT, [1, 3, 1, 1])], constants)
    opened(graphs.write(made, tmp_path / "net.onnx"))


def test_a_link_beside_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\0" * 32)
    (tmp_path / "net.onnx.data").symlink_to(tmp_path / "secret")
    (tmp_path / "net.onnx").write_bytes(data_of("external_missing"))
    with pytest.raises(ImporterError) as caught:
        opened(tmp_path / "net.onnx")
    assert caught.value.code == "ONNX_EXTERNAL_DATA_REFUSED" and "link" in caught.value.cause


def test_long_lists_of_numbers_are_read_as_onnx_reads_them(tmp_path: Path) -> None:
    """They are decoded in parts; numbers of all lengths, and more than one part has."""
    limits = [1 << shift for shift in range(63)]
    numbers = np.resize(np.array([0, -1, -(1 << 63), *limits, *(-number for number in limits)], np.int64), 600_000)
    tensor = TensorProto(name="w", dims=[len(numbers)], data_type=TensorProto.INT64, int64_data=numbers.tolist())
    (tmp_path / "list.onnx").write_bytes(_of(tensor))
    (item,) = read_model(tmp_path / "list.onnx").graph.constants.values()
    assert np.array_equal(to_torch(item, tmp_path, "list").numpy(), numpy_helper.to_array(tensor))


def test_data_beside_the_file_is_read_at_its_place(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float16).reshape(3, 4)
    (tmp_path / "net.onnx.data").write_bytes(b"???" + values.tobytes() + b"?")
    tensor = TensorProto(name="w", dims=[3, 4], data_type=TensorProto.FLOAT16, data_location=1)
    for key, text in (("location", "net.onnx.data"), ("offset", "3"), ("length", "24")):
        tensor.external_data.add(key=key, value=text)
    (tmp_path / "net.onnx").write_bytes(_of(tensor))
    (item,) = read_model(tmp_path / "net.onnx").graph.constants.values()
    assert np.array_equal(to_torch(item, tmp_path, "net").numpy(), values)


def _of(tensor: TensorProto) -> bytes:
    made = model([node("Identity", ["w"], ["y"])], [], [("y", FLOAT, None)])
    made.graph.initializer.append(tensor)
    return made.SerializeToString()


def test_data_that_ends_too_early(tmp_path: Path) -> None:
    (tmp_path / "net.onnx.data").write_bytes(b"\0" * 31)
    (tmp_path / "net.onnx").write_bytes(data_of("external_missing"))
    with pytest.raises(ImporterError) as caught:
        opened(tmp_path / "net.onnx")
    assert caught.value.code == "ONNX_TENSOR_INVALID"


@pytest.mark.skipif(sys.platform != "linux", reason="the file has holes")
def test_more_than_a_protocol_buffer_may_have(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with path.open("wb") as file:
        file.write(b"\x08\x08")
        file.truncate((1 << 31) + 5)
    with pytest.raises(ImporterError) as caught:
        recognise(path)
    assert caught.value.code == "ONNX_TOO_LARGE"


def test_every_byte_of_a_model_cut_off_or_changed(tmp_path: Path) -> None:
    """Whatever is cut off or flipped, nothing but an ImporterError comes out of the reader."""
    data = graphs.branches().SerializeToString()
    path = tmp_path / "net.onnx"
    seen = set()
    for place in range(0, len(data), 3):
        for changed in (data[:place], data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]):
            path.write_bytes(changed)
            try:
                refuse_early(path, None, ImportOptions(), False)
            except ImporterError as error:
                seen.add(error.code)
    assert {"ONNX_DAMAGED", "ONNX_GRAPH_INVALID"} <= seen and "INTERNAL_ERROR" not in seen
