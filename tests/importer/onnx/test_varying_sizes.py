"""Files that torch exported with sizes that vary, in the program at sizes over the whole range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from importer.errors import ImporterError
from importer.kernels import library, runtime
from tests.importer.conftest import Convert
from tests.importer.onnx.graphs import random


class Pyramid(nn.Module):
    """A smaller map is enlarged to the size of the one that it came from."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode, self.first, self.second = mode, nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        large = self.first(x)
        return large + functional.interpolate(self.second(large), size=large.shape[-2:], mode=self.mode)


class Listener(nn.Module):
    """Frames of sound, whose number follows from that of the samples, through a recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gru, self.out = nn.Conv1d(1, 8, 4, 2, 1), nn.GRU(8, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        found, _ = self.gru(torch.relu(self.conv(x)).transpose(1, 2))
        return self.out(found), found.reshape(found.shape[0], -1)


class Pixels(nn.Module):
    """Pixels as rows of a transformer's layers, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 8), nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        found = self.conv(x)
        rows = found.flatten(2).transpose(1, 2)
        return self.norm(rows + self.linear(rows)).transpose(1, 2).reshape(found.shape)


class Backwards(nn.Module):
    """A sequence from its end to its beginning, before a layer that adds up."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(1).cumsum(1) + x


CASES: dict[str, tuple[Callable[[], nn.Module], list[int], dict[int, str], str, Sequence[tuple[int, ...]]]] = {
    "nearest": (
        lambda: Pyramid("nearest"), [1, 3, 32, 32], {2: "h", 3: "w"}, "float32[1,3,h:8..64,w:8..64]",
        [(1, 3, 8, 8), (1, 3, 64, 33), (1, 3, 23, 50), (1, 3, 13, 19)],
    ),
    "bilinear": (
        lambda: Pyramid("bilinear"), [1, 3, 32, 32], {2: "h", 3: "w"}, "float32[1,3,s:8..64,s:8..64]",
        [(1, 3, 8, 8), (1, 3, 64, 64), (1, 3, 23, 23)],
    ),
    "listener": (
        Listener, [1, 1, 64], {2: "samples"}, "float32[1,1,samples:16..128]", [(1, 1, 16), (1, 1, 17), (1, 1, 128)],
    ),
    "backwards": (Backwards, [1, 8], {1: "n"}, "float32[1,n:2..32]", [(1, 2), (1, 7), (1, 32)]),
    "pixels": (
        Pixels, [2, 3, 16, 16], {0: "N", 2: "h", 3: "w"}, "float32[N:1..3,3,h:8..32,w:8..32]",
        [(1, 3, 8, 8), (3, 3, 32, 32), (2, 3, 9, 31)],
    ),
}  # fmt: skip


def export(module: nn.Module, shape: list[int], axes: dict[int, str], path: Path) -> Path:
    torch.manual_seed(0)
    names = {"input_names": ["x"], "dynamic_axes": {"x": axes}, "opset_version": 17, "dynamo": False}
    torch.onnx.export(module.eval(), (torch.randn(shape),), path, **names)
    return path


@pytest.mark.parametrize("name", CASES)
def test_sizes_over_the_range(name: str, tmp_path: Path, convert_file: Convert) -> None:
    make, shape, axes, declared, shapes = CASES[name]
    path = export(make(), shape, axes, tmp_path / "net.onnx")
    artifact = convert_file(path, inputs=f"x: {declared}")
    runtime.native()
    library.load()
    from executorch.extension.pybindings import _C

    program = _C._load_program(str(artifact.payload)).load_method("forward")
    session = onnxruntime.InferenceSession(str(path))
    for sizes in shapes:
        x = random(*sizes)
        for got, expected in zip(program.call([torch.from_numpy(x)]), session.run(None, {"x": x}), strict=True):
            np.testing.assert_allclose(got.numpy(), expected, rtol=1e-3, atol=1e-4)


def test_sizes_that_must_be_multiples(tmp_path: Path, convert_file: Convert) -> None:
    class Hourglass(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.up = nn.Conv2d(3, 4, 3, 2, 1), nn.ConvTranspose2d(4, 3, 2, 2)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = x + self.up(self.down(x))
            return made

    path = export(Hourglass(), [1, 3, 16, 16], {2: "h"}, tmp_path / "net.onnx")
    with pytest.raises(ImporterError) as caught:
        convert_file(path, inputs="x: float32[1,3,h:8..64,16]")
    assert caught.value.code == "DYNAMIC_SHAPE_REFUSED" and "multiples of 2" in caught.value.remedy, caught.value
