"""Recurrent layers: our own kernels, a loop that stays a loop, single steps with kept state, or unrolled."""

from __future__ import annotations

import pytest

from importer.errors import ImporterError
from tests.importer.conftest import Convert

LAYERS = [
    ({"kind": "LSTM", "layers": 2}, "float32[1,160,8]", "auto"),
    ({"kind": "LSTM", "batch_first": False}, "float32[160,1,8]", "portable"),
    ({"kind": "GRU", "both": True}, "float32[1,40,8]", "portable"),
    ({"kind": "RNN"}, "float32[1,40,8]", "portable"),
]


@pytest.mark.parametrize(("arguments", "inputs", "recipe"), LAYERS)
def test_long_sequences_as_a_loop(arguments: dict[str, object], inputs: str, recipe: str, convert_zoo: Convert) -> None:
    """Unrolled, 40 steps took 43 seconds and 160 did not end."""
    meta = convert_zoo(
        "recurrent", arguments, inputs=inputs, recipe=recipe, recurrent="scan", deadline_seconds=120
    ).metadata
    assert meta["accuracy"]["max_relative"] < 1e-4
    assert any("run as a loop (scan): 1" in note for note in meta["notes"])
    assert sum(meta["methods"][0]["operators"].values()) < 200


@pytest.mark.parametrize(("arguments", "inputs", "recipe"), LAYERS)
def test_long_sequences_in_our_kernels(
    arguments: dict[str, object], inputs: str, recipe: str, convert_zoo: Convert
) -> None:
    meta = convert_zoo("recurrent", arguments, inputs=inputs, recipe=recipe).metadata
    assert meta["accuracy"]["max_relative"] < 1e-4
    assert any("own kernels: 1" in note and "recurrent 'scan'" in note for note in meta["notes"])
    kind = str(arguments["kind"]).lower()
    calls = int(arguments.get("layers", 1)) * (2 if arguments.get("both") else 1)  # type: ignore[call-overload]
    assert meta["methods"][0]["operators"][f"godot_executorch::{kind}.out"] == calls


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_steps_and_batch_may_both_vary_in_our_kernels(kind: str, convert_zoo: Convert) -> None:
    import torch

    from importer.kernels import library
    from tests.networks import zoo

    arguments = {"kind": kind, "both": True, "layers": 2}
    artifact = convert_zoo("recurrent", arguments, inputs="x: float32[batch:1..5,steps:1..20,8]")
    assert artifact.metadata["accuracy"]["max_relative"] < 1e-4
    from executorch.extension.pybindings import _C

    assert library.load()
    method = _C._load_program(str(artifact.payload)).load_method("forward")
    eager = zoo.build("recurrent", **arguments).eval()
    for batch, steps in ((5, 20), (1, 1), (3, 7), (5, 2)):
        sequence = torch.randn(batch, steps, 8)
        assert torch.allclose(method.call([sequence])[0], eager(sequence), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "inputs"),
    [
        ({"kind": "LSTM", "layers": 2}, "x: float32[1,steps:2..40,8]"),
    ],
)
def test_the_number_of_steps_may_vary(arguments: dict[str, object], inputs: str, convert_zoo: Convert) -> None:
    """torch.export itself fixes it, because it walks through the steps."""
    artifact = convert_zoo(
        "recurrent", arguments, inputs=inputs, recipe="portable", recurrent="scan", deadline_seconds=120
    )
    meta = artifact.metadata
    assert meta["accuracy"]["max_relative"] < 1e-4 and meta["accuracy"]["samples"] >= 4
    import torch
    from executorch.extension.pybindings import _C

    from tests.networks import zoo

    method = _C._load_program(str(artifact.payload)).load_method("forward")
    eager = zoo.build("recurrent", **arguments).eval()
    for steps in (24, 2, 7):
        sequence = torch.randn(1, steps, 8)
        assert torch.allclose(method.call([sequence])[0], eager(sequence), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "inputs"),
    [
        ("stateful", {}, "x: float32[1,steps:2..12,8]"),
        ("stateful", {}, "x: float32[steps:2..12,8]"),
        ("stateful", {"kind": "GRU"}, "x: float32[steps:2..12,8]"),
        ("recurrent", {"kind": "GRU", "batch_first": False}, "x: float32[steps:2..12,8]"),
    ],
)
def test_steps_that_vary_of_layers_that_are_asked_for_their_sizes_or_get_no_batch(
    name: str, arguments: dict[str, object], inputs: str, convert_zoo: Convert
) -> None:
    meta = convert_zoo(name, arguments, inputs=inputs, recipe="portable").metadata
    assert meta["accuracy"]["max_relative"] < 1e-4 and meta["accuracy"]["samples"] >= 4


def test_unrolled_with_a_varying_number_of_steps(convert_zoo: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_zoo("recurrent", inputs="float32[1,steps:2..40,8]", recurrent="unroll")
    assert caught.value.code == "DYNAMIC_SHAPE_REFUSED" and "cannot vary" in caught.value.cause


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_one_step_with_each_call(kind: str, convert_zoo: Convert) -> None:
    import torch

    from tests.networks import zoo

    artifact = convert_zoo(
        "recurrent", {"kind": kind, "layers": 2}, inputs="float32[1,1,8]", recurrent="step", recipe="portable"
    )
    assert any("One step with each call; the state of layer is kept" in note for note in artifact.metadata["notes"])
    from executorch.extension.pybindings import _C

    method = _C._load_program(str(artifact.payload)).load_method("forward")
    sequence = torch.randn(1, 6, 8)
    whole = zoo.build("recurrent", kind=kind, layers=2).eval()(sequence)
    steps = torch.cat([method.call([sequence[:, index : index + 1]])[0] for index in range(6)], 1)
    assert torch.allclose(steps, whole, atol=1e-5)


def test_unrolled_when_that_is_asked_for(convert_zoo: Convert) -> None:
    meta = convert_zoo("recurrent", inputs="float32[1,4,8]", recurrent="unroll", recipe="portable").metadata
    assert not any("scan" in note for note in meta["notes"]) and meta["accuracy"]["max_relative"] < 1e-4


def test_steps_of_a_layer_in_both_directions(convert_zoo: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_zoo("recurrent", {"both": True}, inputs="float32[1,1,8]", recurrent="step")
    assert caught.value.code == "RECURRENT_STEP_NOT_POSSIBLE" and "both directions" in caught.value.cause


def test_steps_of_a_finished_graph(models: object, convert_file: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_file(models / "linear.pt2", recurrent="step")  # type: ignore[operator]
    assert caught.value.code == "RECURRENT_STEP_NOT_POSSIBLE"
