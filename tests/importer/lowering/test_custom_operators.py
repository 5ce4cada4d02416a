"""Operators of the game's own: the factory declares them to torch, a kernel library has them at run time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.cache.cache import Cache
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.proof.child_main import LIBRARIES
from tests.importer.conftest import Convert
from tests.runtime.custom_kernel.library import build

FACTORY = """
import torch

if not hasattr(torch, "custom_triple"):  # operators are defined once in a process
    library = torch.custom_triple = torch.library.Library("custom", "FRAGMENT")
    library.define("triple(Tensor x) -> Tensor")
    library.define("triple.out(Tensor x, *, Tensor(a!) out) -> Tensor(a!)")
    library.impl("triple", lambda x: x * 3, "CompositeExplicitAutograd")
    library.impl("triple.out", lambda x, *, out: out.copy_(x * 3), "CompositeExplicitAutograd")


class Net(torch.nn.Linear):
    def forward(self, x):
        return torch.ops.custom.triple(super().forward(x))


def build():
    return Net(1, 1)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(LIBRARIES, "")
    (tmp_path / "net.py").write_text(FACTORY, encoding="utf-8")
    return tmp_path


def test_an_operator_of_a_kernel_library(
    library: Path, project: Path, models: Path, convert_file: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by name without the library; with it, converted and proved equal."""
    source = models / "linear_state_dict.pth"
    options = {"factory": "res://net.py:build", "inputs": "x: float32[2,1]"}
    with pytest.raises(ImporterError) as caught:
        convert_file(source, project=project, **options)
    assert caught.value.code == "OPERATOR_MISSING" and "custom::triple.out" in caught.value.cause
    assert "executorch/runtime/libraries" in caught.value.remedy
    monkeypatch.setenv(LIBRARIES, str(library))
    meta = convert_file(source, project=project, **options).metadata
    assert meta["methods"][0]["operators"]["custom::triple.out"] == 1 and meta["accuracy"]["max_relative"] < 1e-5


def test_a_library_that_is_not_there(project: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARIES, str(project / "libnothing.so"))
    with pytest.raises(ImporterError) as caught:
        convert(models / "linear_portable.pte", project=None, cache=Cache(project / "cache"), options=ImportOptions())
    assert caught.value.code == "PROGRAM_FAILED" and "libnothing.so" in caught.value.cause
