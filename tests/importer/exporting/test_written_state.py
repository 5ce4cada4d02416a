"""State under two names, state that overlaps, and tensors that no program can keep."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import godot_executorch as ge
from importer.errors import ImporterError
from importer.exporting.export import export
from importer.model import Source, SourceMethod
from tests.importer.conftest import Convert


class Sums(nn.Module):
    """Adds its inputs up in a buffer, and reads it by another name."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.inner, self.way = nn.Module(), way
        if way == "plain":
            self.sum = torch.zeros(3)
        else:
            self.register_buffer("sum", torch.zeros(3))
            self.inner.register_buffer("sum", self.sum if way == "same" else self.sum[:2])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sum.add_(x)
        return x.sum() + (self.sum if self.way == "plain" else self.inner.get_buffer("sum"))


def methods(model: nn.Module) -> list[SourceMethod]:
    return [SourceMethod("forward", model.eval(), None, ((torch.ones(3),), {}))]


def test_one_buffer_of_two_names(tmp_path: Path, convert_file: Convert) -> None:
    torch.save(Sums("same").state_dict(), tmp_path / "x.pth")
    (tmp_path / "net.py").write_text(
        "import torch\n\nfrom tests.importer.exporting.test_written_state import Sums\n\n\n"
        "def build():\n    return Sums('same')\n\n\ndef example_inputs():\n    return torch.ones(3)\n",
        encoding="utf-8",
    )
    made = ge.Program(convert_file(tmp_path / "x.pth", project=tmp_path, factory="res://net.py:build").payload)
    model = Sums("same")
    for _ in range(3):
        x = torch.randn(3)
        torch.testing.assert_close(made(x)["output_0"], model(x))


def test_buffers_that_overlap_are_refused() -> None:
    with pytest.raises(ImporterError) as caught:
        export(Source(methods(Sums("part"))))
    assert caught.value.code == "SHARED_STATE" and "changes 'sum', and 'inner.sum'" in caught.value.cause


def test_a_tensor_that_is_no_buffer() -> None:
    with pytest.raises(ImporterError) as caught:
        export(Source(methods(Sums("plain"))))
    assert caught.value.code == "PYTHON_STATE" and "'sum'" in caught.value.cause
