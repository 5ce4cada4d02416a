"""TorchScript whose buffers are a state, that has torch's own recurrent layers, or that names a GPU.

Annotations are not texts here (`from __future__`): TorchScript cannot resolve those of a class's attributes.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from importer.cache.cache import Artifact
from tests.importer.conftest import Convert


class Policy(nn.Module):
    """What robot toolkits write: a hidden state in a buffer, and a method that clears it."""

    hidden: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.memory, self.actor = nn.GRU(8, 16), nn.Linear(16, 2)
        self.register_buffer("hidden", torch.full((1, 1, 16), 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, state = self.memory(x.unsqueeze(0), self.hidden)
        self.hidden[:] = state
        return self.actor(x.squeeze(0))

    @torch.jit.export
    def reset(self) -> None:
        self.hidden[:] = 0.0


class Sequence(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0][:, -1])


class Counter(nn.Module):
    count: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.full((3,), 5.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count.add_(1.0)
        return x + self.count


class OnGpu(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.ones(3, device=torch.device("cuda:0"))


def save(script: Any, path: Path) -> Path:
    script.save(str(path))
    return path


def call(artifact: Artifact, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """The results of calls one after the other, of one load."""
    import executorch.kernels.quantized  # noqa: F401
    from executorch.extension.pybindings import _C

    program = _C._load_program(str(artifact.payload))
    method = program.load_method("forward")
    results = []
    for value in inputs:
        (result,) = method.call([value])
        assert isinstance(result, torch.Tensor)
        results.append(result.clone())
    return results


def test_the_first_state_is_the_files(tmp_path: Path, convert_file: Convert) -> None:
    path = save(torch.jit.script(Policy().eval()), tmp_path / "policy.pt")
    artifact = convert_file(path, inputs="x: float32[1,8]", recurrent="scan")
    script = torch.jit.load(str(path))  # type: ignore[no-untyped-call]
    steps = list(torch.randn(4, 1, 8))
    with torch.no_grad():
        for step, result in zip(steps, call(artifact, steps), strict=True):
            assert torch.allclose(script(step), result, atol=1e-5)
    (note,) = [note for note in artifact.metadata["notes"] if note.startswith("Left out")]
    assert "reset" in note and "forward" in note


@pytest.mark.parametrize("kind", ["scripted", "traced"])
def test_torchs_own_recurrent_layers(kind: str, tmp_path: Path, convert_file: Convert) -> None:
    model = Sequence().eval()
    script = torch.jit.script(model) if kind == "scripted" else torch.jit.trace(model, torch.randn(1, 6, 8))  # type: ignore[no-untyped-call]
    path = save(script, tmp_path / f"{kind}.pt")
    for inputs in ("x: float32[1,6,8]", "x: float32[1,steps:2..12,8]"):
        x = torch.randn(1, 6, 8)
        (result,) = call(convert_file(path, inputs=inputs, recurrent="scan"), [x])
        with torch.no_grad():
            assert torch.allclose(model(x), result, atol=1e-5)


def test_a_script_that_names_a_gpu(tmp_path: Path, convert_file: Convert) -> None:
    path = save(torch.jit.script(OnGpu()), tmp_path / "gpu.pt")
    (result,) = call(convert_file(path, inputs="x: float32[3]"), [torch.zeros(3)])
    assert result.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("batch", [1, 2])
def test_declared_sizes_are_fixed(batch: int, tmp_path: Path, convert_file: Convert) -> None:
    """torch's converter lets all sizes vary, without an upper bound."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    artifact = convert_file(save(torch.jit.script(model), tmp_path / "net.pt"), inputs=f"float32[{batch},3,8,8]")
    assert "TorchScript: converted with torch's own converter." in artifact.metadata["notes"]
    (method,) = artifact.metadata["methods"]
    assert method["inputs"][0]["ranges"] == [[batch, batch], [3, 3], [8, 8], [8, 8]]
    x = torch.randn(batch, 3, 8, 8)
    (result,) = call(artifact, [x])
    with torch.no_grad():
        assert torch.allclose(model(x), result, atol=1e-5)


def test_a_counter_begins_at_the_files_value(tmp_path: Path, convert_file: Convert) -> None:
    path = save(torch.jit.script(Counter()), tmp_path / "counter.pt")
    results = call(convert_file(path, inputs="x: float32[3]"), [torch.zeros(3)] * 2)
    assert [result.tolist() for result in results] == [[6.0] * 3, [7.0] * 3]
