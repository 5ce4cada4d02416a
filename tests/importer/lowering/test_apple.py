"""Programs for Apple's systems, made on another one: Core ML on Linux cannot run them, so nothing of them is proved."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

import godot_executorch as ge
from importer.cache.cache import Cache
from importer.cli.print_metadata import print_metadata
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.program.delegation import systems_of
from importer.program.program import read_program
from python_backend.profiling.measure import measure
from tests.importer.conftest import Convert

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="a Mac runs these programs and proves them")


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.norm = torch.nn.LayerNorm(16)
        self.last = torch.nn.Linear(16, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.last(self.norm(torch.relu(self.first(image)))).mean((1, 2)), -1)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("apple") / "net.pt2"
    torch.manual_seed(0)
    torch.export.save(torch.export.export(Net().eval(), (torch.rand(1, 3, 16, 16),)), path)
    return path


def test_a_core_ml_program_is_a_variant_for_macos_and_ios(net: Path, convert_file: Convert) -> None:
    made = convert_file(net, variants="coreml_fp16")
    assert "systems" not in made.metadata and made.metadata["accuracy"]["max_relative"] < 1e-3
    (variant,) = made.metadata["variants"]
    assert variant["recipe"] == "coreml_fp16" and variant["systems"] == ["macos", "ios"]
    assert "accuracy" not in variant and "executorch_us" not in variant["timings"]
    assert any("Not compared" in note and "macOS and iOS" in note for note in variant["notes"]), variant["notes"]
    program = read_program(made.payload.with_name(variant["payload"]["file"]))
    (method,) = program.methods
    assert {delegate.backend for delegate in method.delegates} == {"CoreMLBackend"}
    delegation = variant["methods"][0]["delegation"]
    assert delegation["opaque"] and not delegation["left_behind"], delegation


def test_a_program_of_apple_says_where_it_runs(net: Path, convert_file: Convert, tmp_path: Path) -> None:
    made = convert_file(net, recipe="coreml_fp16")
    refusals = []

    def report(*_: object) -> None:
        pass

    for run in (lambda: ge.Program(made.payload), lambda: measure({"path": str(made.payload)}, report)):
        with pytest.raises(ge.ConversionError) as caught:
            run()
        refusals.append(caught.value)
    for error in refusals:
        assert error.code == "BACKEND_MISSING" and "runs on macOS and iOS only" in error.cause, error


def test_a_finished_program_of_apple_is_taken_along(net: Path, convert_file: Convert, tmp_path: Path) -> None:
    finished = tmp_path / "finished.pte"
    shutil.copyfile(convert_file(net, recipe="coreml_fp16").payload, finished)
    made = convert_file(finished)
    assert made.metadata["recipe"] == "as_is" and made.metadata["systems"] == ["macos", "ios"]
    assert made.metadata["notes"] == ["Not run: the program runs on macOS and iOS only."]
    assert "executorch_us" not in made.metadata["timings"]


def test_systems_are_those_that_have_all_backends() -> None:
    assert systems_of(["CoreMLBackend", "XnnpackBackend"]) == ["macos", "ios"]
    assert systems_of(["CoreMLBackend", "MLXBackend"]) == systems_of(["MLXBackend", "CoreMLBackend"]) == ["macos"]
    assert systems_of(["XnnpackBackend", "VulkanBackend"]) == systems_of([]) == []


class Counter(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(1, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert isinstance(self.total, torch.Tensor)
        self.total.copy_(self.total * 0.5 + x)
        return self.total * 2


def test_state_stays_outside_of_core_ml(
    tmp_path: Path, convert_file: Convert, capsys: pytest.CaptureFixture[str]
) -> None:
    """Core ML keeps state from iOS 18 and macOS 15 on only, and as fp16. Its share is unknown, not 0%."""
    path = tmp_path / "counter.pt2"
    torch.export.save(torch.export.export(Counter().eval(), (torch.rand(1, 4),)), path)
    made = convert_file(path, recipe="coreml_fp16")
    (method,) = read_program(made.payload).methods
    assert {delegate.backend for delegate in method.delegates} == {"CoreMLBackend"}
    assert "aten::copy_" in method.operators, method.operators
    print_metadata({**made.metadata, "name": "counter"})
    shown = capsys.readouterr().out
    assert "share is unknown" in shown and "0%" not in shown


def test_equal_input_gives_an_equal_program(net: Path, tmp_path: Path) -> None:
    options = ImportOptions(recipe="coreml_fp16")
    first, second = (convert(net, cache=Cache(tmp_path / name), options=options) for name in ("a", "b"))
    assert first.payload.read_bytes() == second.payload.read_bytes()


def test_mlx_is_refused_with_the_name_of_the_package(net: Path, convert_file: Convert) -> None:
    with pytest.raises(ImporterError, match="mlx") as raised:
        convert_file(net, recipe="mlx")
    assert raised.value.code == "PACKAGE_MISSING" and "a Mac" in raised.value.remedy
