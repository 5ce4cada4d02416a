"""A program's inputs are in the order of forward's parameters, however a person writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import godot_executorch as ge
from tests import json_output
from tests.importer.test_command_line import importer

ZETA, ALPHA = torch.full((4, 3), 5.0), torch.ones(4, 3)
RIGHT = ZETA - 2 * ALPHA


class Net(nn.Module):
    def forward(self, zeta: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        return zeta - 2 * alpha


class Named(nn.Module):
    def forward(self, zeta: torch.Tensor, *, beta: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        return zeta - 2 * alpha + 0 * beta


class Further(nn.Module):
    def forward(self, zeta: torch.Tensor, alpha: torch.Tensor, **more: torch.Tensor) -> torch.Tensor:
        return zeta - 2 * alpha + 0 * more["beta"]


class Optional(nn.Module):
    def forward(
        self, zeta: torch.Tensor, beta: torch.Tensor | None = None, alpha: torch.Tensor | None = None
    ) -> torch.Tensor:
        assert alpha is not None and beta is None
        return zeta - 2 * alpha


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def names(found: ge.Metadata) -> list[str]:
    return [item.name for item in found.methods[0].inputs]


@pytest.mark.parametrize(
    "example",
    [
        {"alpha": ALPHA[:1], "zeta": ZETA[:1]},
        ((), {"alpha": ALPHA[:1], "zeta": ZETA[:1]}),
        {"alpha": torch.Size([1, 3]), "zeta": torch.Size([1, 3])},
        "alpha: float32[1,3]; zeta: float32[1,3]",
    ],
)
def test_tuples_mean_the_order_of_forward(example: Any, cache: Path, tmp_path: Path) -> None:
    turned = {"alpha": ALPHA, "target": RIGHT, "zeta": ZETA}
    for number, data in enumerate([[(ZETA, ALPHA, RIGHT)], [((ZETA, ALPHA), RIGHT)], [turned]]):
        artifact = ge.convert(Net(), example, evaluate=data, metric="mae", cache=cache)
        found = artifact.metadata.evaluation
        assert names(artifact.metadata) == ["zeta", "alpha"]
        assert found is not None and found.eager == found.exported == found.program == 0.0, number
    program = ge.Program(artifact.save(tmp_path / "net.pte"))
    for outputs in (program(ZETA[:1], ALPHA[:1]), program(alpha=ALPHA[:1], zeta=ZETA[:1])):
        assert torch.equal(outputs["output_0"], RIGHT[:1])
    arrays = {"input_0": ZETA.numpy(), "input_1": ALPHA.numpy(), "target": RIGHT.numpy()}
    np.savez(tmp_path / "test.npz", allow_pickle=False, **arrays)
    artifact = ge.convert(Net(), example, evaluate=tmp_path / "test.npz", metric="mae", cache=cache)
    assert artifact.metadata.evaluation is not None and artifact.metadata.evaluation.program == 0.0


@pytest.mark.parametrize(
    ("model", "given", "order"),
    [
        (Named(), ["alpha", "beta", "zeta"], ["zeta", "beta", "alpha"]),
        (Further(), ["beta", "alpha", "zeta"], ["zeta", "alpha", "beta"]),
        (Optional(), ["alpha", "zeta"], ["zeta", "alpha"]),
        (torch.jit.script(Net()), ["alpha", "zeta"], ["zeta", "alpha"]),
        (torch.compile(Net()), ["alpha", "zeta"], ["zeta", "alpha"]),
    ],
)
def test_parameters_by_name_only(model: nn.Module, given: list[str], order: list[str], cache: Path) -> None:
    values = {"alpha": ALPHA, "beta": ALPHA, "zeta": ZETA}
    data = [(*(values[name] for name in order), RIGHT)]
    examples: list[Any] = [{name: values[name][:1] for name in given}]
    if not isinstance(model, Optional):
        examples.append("; ".join(f"{name}: float32[1,3]" for name in given))
    for example in examples:
        artifact = ge.convert(model, example, evaluate=data, metric="mae", cache=cache)
        found = artifact.metadata.evaluation
        assert names(artifact.metadata) == order
        assert found is not None and found.eager == found.program == 0.0, example
        assert torch.equal(ge.Program(artifact)(*(values[name][:1] for name in order))["output_0"], RIGHT[:1])


FACTORY = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([2.0]))
        self.head = nn.Linear(3, 3, bias=False)

    def forward(self, zeta, alpha):
        return self.head(zeta) - self.scale * alpha


class Nested(Net):
    def forward(self, values):
        return super().forward(values["zeta"], values["inner"]["alpha"])


def build():
    return Net()


def example_inputs():
    return {"alpha": torch.zeros(1, 3), "zeta": torch.ones(1, 3)}


def calibration():  # each in another order
    for number in range(8):
        zeta, alpha = torch.rand(1, 3) * 100, torch.rand(1, 3)
        yield {"zeta": zeta, "alpha": alpha} if number % 2 else {"alpha": alpha, "zeta": zeta}


def evaluation():
    zeta, alpha = torch.rand(32, 3) * 100, torch.rand(32, 3)
    return [(zeta, alpha, zeta - 2 * alpha)]
"""
NESTED = """

def build():
    return Nested()


def example_inputs():
    return {"values": {"inner": {"alpha": torch.zeros(1, 3)}, "zeta": torch.ones(1, 3)}}


def calibration():
    for number in range(8):
        zeta, inner = torch.rand(1, 3) * 100, {"alpha": torch.rand(1, 3)}
        yield {"values": {"zeta": zeta, "inner": inner} if number % 2 else {"inner": inner, "zeta": zeta}}


def evaluation():
    zeta, alpha = torch.rand(32, 3) * 100, torch.rand(32, 3)
    return [({"zeta": zeta, "alpha": alpha}, zeta - 2 * alpha)]
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.save({"scale": torch.tensor([2.0]), "head.weight": torch.eye(3)}, folder / "net.pth")
    return folder / "net.pth"


@pytest.mark.parametrize(
    ("code", "order"), [(FACTORY, ["zeta", "alpha"]), (FACTORY + NESTED, ["alpha", "zeta"])], ids=["flat", "nested"]
)
def test_a_factory_on_the_command_line(code: str, order: list[str], weights: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    words = ["convert", weights, "-o", tmp_path, "--factory", f"{tmp_path / 'net.py'}:build", "--metric", "mae"]
    done = importer(*words, "--recipe", "xnnpack_int8_static", "--cache", tmp_path / "cache", "--json")
    (file,) = json_output.read(done.stdout, "convert")["files"]
    assert "metadata" in file, file["error"]
    found = file["metadata"]
    assert [item["name"] for item in found["methods"][0]["inputs"]] == order
    # A scale that was set by the other input's values would be off by a hundred.
    assert found["evaluation"]["eager"] < 1e-4 and found["evaluation"]["program"] < 1.0, json.dumps(found, indent=1)


def test_calls_of_another_form_are_refused(weights: Path, tmp_path: Path) -> None:
    code = FACTORY.replace('{"zeta": zeta, "alpha": alpha}', '{"zeta": zeta, "gamma": alpha}')
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    with pytest.raises(ge.ConversionError) as raised:
        ge.convert(
            weights, factory=f"{tmp_path / 'net.py'}:build", recipe="xnnpack_int8_static", cache=tmp_path / "cache"
        )
    assert raised.value.code == "CALIBRATION_INVALID" and "Call 1 of calibration()" in raised.value.cause


def test_a_trained_network_keeps_the_order(cache: Path) -> None:
    class Layers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 3, bias=False)
            self.head.weight.data = torch.eye(3)

        def forward(self, zeta: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
            return self.head(zeta) - 2 * alpha

    prepared = ge.prepare_qat(Layers(), {"alpha": ALPHA[:1], "zeta": ZETA[:1]})
    with torch.no_grad():
        for _ in range(3):
            outputs = prepared(ZETA, ALPHA)
            assert torch.equal(outputs, prepared(alpha=ALPHA, zeta=ZETA))
    assert (outputs - RIGHT).abs().max() < 0.1
    artifact = ge.convert(prepared, evaluate=[(ZETA, ALPHA, RIGHT)], metric="mae", cache=cache)
    found = artifact.metadata.evaluation
    assert names(artifact.metadata) == ["zeta", "alpha"] and found is not None and found.program < 0.1
