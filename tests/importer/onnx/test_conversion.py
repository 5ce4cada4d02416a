"""Small ONNX graphs through the whole conversion, compared with onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from importer.errors import ImporterError
from importer.sources.file_kind import recognise
from tests.importer.conftest import Convert
from tests.importer.onnx import graphs
from tests.importer.onnx.graphs import FLOAT, INT64, model, node, write

Made = Callable[[], onnx.ModelProto]


@pytest.mark.parametrize(
    "make",
    [
        graphs.classifier,
        graphs.reshaping,
        graphs.branches,
        lambda: graphs.recurrent("LSTM", "bidirectional"),
        lambda: graphs.recurrent("GRU", linear_before_reset=1),
        lambda: graphs.recurrent("GRU", "reverse"),
        lambda: graphs.recurrent("RNN"),
    ],
    ids=["classifier", "reshaping", "branches", "lstm", "gru", "gru_by_hand", "rnn"],
)
def test_a_graph_is_as_onnxruntime_says(make: Made, tmp_path: Path, convert_file: Convert) -> None:
    made = make()
    path = write(made, tmp_path / "net.onnx")
    assert recognise(path).kind == "onnx"
    meta = convert_file(path).metadata
    assert meta["source"]["kind"] == "onnx" and meta["accuracy"]["reference"].startswith("onnxruntime")
    assert meta["accuracy"]["max_relative"] < 1e-5
    (method,) = meta["methods"]
    assert [item["name"] for item in method["inputs"]] == [item.name for item in made.graph.input]
    assert [item["name"] for item in method["outputs"]] == [item.name for item in made.graph.output]


def test_an_open_batch_becomes_a_range(tmp_path: Path, convert_file: Convert) -> None:
    path = write(graphs.classifier(), tmp_path / "net.onnx")
    (method,) = convert_file(path).metadata["methods"]
    assert method["inputs"][0]["ranges"] == [[1, 64], [3, 3], [12, 12], [12, 12]]
    assert method["delegation"]["share"] > 0.8
    (method,) = convert_file(path, inputs="image: float32[N:2..5,3,12,12]").metadata["methods"]
    assert method["inputs"][0]["ranges"][0] == method["outputs"][0]["ranges"][0] == [2, 5]


def test_a_quantized_graph_stays_quantized(tmp_path: Path, convert_file: Convert) -> None:
    meta = convert_file(write(graphs.quantized(), tmp_path / "net.onnx")).metadata
    assert meta["recipe"] == "as_quantized" and meta["accuracy"]["reference"].startswith("onnxruntime")
    assert meta["methods"][0]["delegation"]["share"] > 0.5


@pytest.mark.parametrize("weights", ["int8", "uint8"])
def test_a_quantized_value_that_two_layers_take(weights: str, tmp_path: Path, convert_file: Convert) -> None:
    """And weights around another number than 0, which XNNPACK does not load."""
    meta = convert_file(write(graphs.quantized_residual(weights), tmp_path / "net.onnx")).metadata
    assert meta["recipe"] == "as_quantized" and meta["accuracy"]["reference"].startswith("onnxruntime")
    assert meta["methods"][0]["delegation"]["share"] > 0.8, meta["notes"]
    assert any("became floats" in note for note in meta["notes"]) == (weights == "uint8")


def test_a_quantized_lstm_computes_in_floats(tmp_path: Path, convert_file: Convert) -> None:
    meta = convert_file(write(graphs.quantized_lstm(), tmp_path / "net.onnx")).metadata
    assert meta["accuracy"]["max_relative"] < 1e-5 and meta["accuracy"]["reference"].startswith("PyTorch")
    assert any("rounds the inputs of LSTM layers" in note for note in meta["notes"])


@pytest.mark.parametrize("as_one", [False, True])
def test_dynamic_layers_stay_int8(as_one: bool, tmp_path: Path, convert_file: Convert) -> None:
    path = write(graphs.dynamically_quantized(as_one=as_one), tmp_path / "net.onnx")
    meta = convert_file(path).metadata
    assert meta["recipe"] == "as_quantized" and meta["accuracy"]["reference"].startswith("onnxruntime")
    assert meta["methods"][0]["delegation"]["delegated"] == 6 and meta["methods"][0]["delegation"]["share"] == 1.0
    assert not any("in floats" in note for note in meta["notes"]), meta["notes"]


def test_dynamic_layers_that_xnnpack_does_not_have_compute_in_floats(tmp_path: Path, convert_file: Convert) -> None:
    meta = convert_file(write(graphs.dynamically_quantized(zero=3), tmp_path / "net.onnx")).metadata
    assert meta["accuracy"]["max_relative"] < 1e-5 and any("in floats" in note for note in meta["notes"])


def test_recipes_work_as_for_other_files(tmp_path: Path, convert_file: Convert) -> None:
    np.save(tmp_path / "one.npy", graphs.random(1, 3, 12, 12))
    path = write(graphs.classifier(), tmp_path / "net.onnx")
    meta = convert_file(path, recipe="xnnpack_int8_static", calibration="one.npy", project=tmp_path).metadata
    assert meta["recipe"] == "xnnpack_int8_static" and not meta["calibration"]["made_up"]


def test_tensors_beside_the_file(tmp_path: Path, convert_file: Convert) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(
        graphs.reshaping(), path, save_as_external_data=True, location="net.onnx.data", size_threshold=0,
        convert_attribute=False,
    )  # fmt: skip
    assert convert_file(path).metadata["accuracy"]["max_relative"] < 1e-5
    first = convert_file(path).key
    data = bytearray((tmp_path / "net.onnx.data").read_bytes())
    data[-1] ^= 1
    (tmp_path / "net.onnx.data").write_bytes(data)
    assert convert_file(path).key != first, "another file beside it makes another program"


def test_a_policy_keeps_its_state(tmp_path: Path, convert_file: Convert) -> None:
    """One call is one step, as onnxruntime says with the state given by hand."""
    import onnxruntime
    import torch
    from executorch.extension.pybindings import _C

    path = write(graphs.policy(), tmp_path / "policy.onnx")
    artifact = convert_file(path)
    meta = artifact.metadata
    assert meta["constants"] == {"version_number": 3.0, "memory_size": 6.0}
    assert not any("Python attribute" in note for note in meta["notes"]), "what the reader remembers is no state"
    assert [item["name"] for item in meta["methods"][0]["inputs"]] == ["obs_0", "action_masks"]
    assert [item["name"] for item in meta["methods"][0]["outputs"]] == ["discrete_action_output"]
    session = onnxruntime.InferenceSession(str(path))
    program = _C._load_program(str(artifact.payload)).load_method("forward")
    state = np.zeros((1, 1, 6), np.float32)
    for step in range(3):
        given = {"obs_0": graphs.random(1, 4, seed=step), "action_masks": np.ones((1, 3), np.float32)}
        names = ["discrete_action_output", "recurrent_out"]
        expected, state = session.run(names, {**given, "recurrent_in": state})
        (got,) = program.call([torch.from_numpy(value) for value in given.values()])
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_state_that_is_declared_stays_an_input(tmp_path: Path, convert_file: Convert) -> None:
    path = write(graphs.policy(), tmp_path / "policy.onnx")
    declared = "obs_0: float32[1,4]; action_masks: float32[1,3] = 1; recurrent_in: float32[1,1,6]"
    (method,) = convert_file(path, inputs=declared).metadata["methods"]
    assert [item["name"] for item in method["inputs"]] == ["obs_0", "recurrent_in"], "the masks have one value always"
    assert [item["name"] for item in method["outputs"]] == ["discrete_action_output", "recurrent_out"]


def refused(make: onnx.ModelProto, path: Path, convert: Convert, **options: Any) -> ImporterError:
    with pytest.raises(ImporterError) as caught:
        convert(write(make, path), **options)
    return caught.value


def test_an_operator_that_is_not_there_is_named(tmp_path: Path, convert_file: Convert) -> None:
    nodes = [node("Relu", ["x"], ["r"]), node("Nonsense", ["r"], ["y"], domain="my.domain")]
    made = model(nodes, [("x", FLOAT, [1])], [("y", FLOAT, [1])], domains={"my.domain": 3})
    error = refused(made, tmp_path / "net.onnx", convert_file)
    assert error.code == "ONNX_OPERATOR_UNSUPPORTED"
    assert "my.domain.Nonsense of opset 3" in error.cause and "Nonsense_y" in error.cause


def test_a_failed_comparison_names_what_it_compared_with(tmp_path: Path, convert_file: Convert) -> None:
    error = refused(graphs.classifier(), tmp_path / "net.onnx", convert_file, max_relative_error="0.0000000001")
    assert error.code == "ACCURACY_LOST" and "too far from onnxruntime" in error.cause
    assert "max_relative_error" in error.remedy


def test_open_sizes_are_asked_for(tmp_path: Path, convert_file: Convert) -> None:
    made = model([node("Relu", ["x"], ["y"])], [("x", FLOAT, ["N", 3, "h", "w"])], [("y", FLOAT, None)])
    error = refused(made, tmp_path / "net.onnx", convert_file)
    assert error.code == "INPUTS_NEEDED" and "float32[N,3,h,w]" in error.cause
    assert error.guesses[0]["options"]["inputs"] == "x: float32[1,3,224,224]"
    error = refused(made, tmp_path / "net.onnx", convert_file, inputs="x: float32[1,4,8,8]")
    assert error.code == "INPUTS_MISMATCH" and "float32[N,3,h,w]".replace("N", "N") in error.cause
    made_range = convert_file(tmp_path / "net.onnx", inputs="x: float32[1,3,h:4..16,8]").metadata
    assert made_range["methods"][0]["outputs"][0]["ranges"][2] == [4, 16]


def test_a_shape_that_depends_on_values_is_refused(tmp_path: Path, convert_file: Convert) -> None:
    made = model([node("NonZero", ["x"], ["y"])], [("x", FLOAT, [4])], [("y", INT64, [1, "n"])])
    error = refused(made, tmp_path / "net.onnx", convert_file)
    assert error.code == "ONNX_VALUE_NEEDED" and "NonZero_y" in error.cause


def test_a_node_that_cannot_compute_is_named(tmp_path: Path, convert_file: Convert) -> None:
    made = model(
        [node("MatMul", ["x", "w"], ["y"])], [("x", FLOAT, [1, 5])], [("y", FLOAT, None)], {"w": graphs.random(4, 2)}
    )
    error = refused(made, tmp_path / "net.onnx", convert_file)
    assert error.code == "ONNX_NODE_FAILS" and "MatMul_y" in error.cause and "float32[1, 5]" in error.cause
    assert "sizes that vary" in error.remedy
