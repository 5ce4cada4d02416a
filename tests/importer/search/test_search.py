"""A search of a real network, two of whose layers do not bear int8: these stay fp32. And what ends a search."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests import json_output
from tests.godot_projects import ROOT

CLASSES = 16


def samples(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    centres = torch.randn(CLASSES, 32, generator=torch.Generator().manual_seed(0))
    return centres[labels] + 1.3 * torch.randn(count, 32, generator=generator), labels


class Net(nn.Module):
    """One value between `first` and `second` is 3000 times larger than the others: int8 has no steps for those."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(32, 64), nn.Linear(64, 64)
        self.wide, self.head = nn.Linear(64, 512), nn.Linear(512, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return self.head(torch.relu(self.wide(x)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network, its held-out data and its calibration data."""
    folder = tmp_path_factory.mktemp("search")
    torch.manual_seed(1)
    model = Net()
    inputs, labels = samples(2048, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(200):
        batch = torch.randint(0, len(inputs), (64,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        model.first.weight[0] *= 3000
        model.first.bias[0] *= 3000
        model.second.weight[:, 0] /= 3000
    torch.export.save(torch.export.export(model.eval(), (inputs[:1],)), folder / "net.pt2")
    inputs, labels = samples(512, 2)
    np.savez(folder / "test.npz", x=inputs.numpy(), target=labels.numpy())
    (folder / "calibration").mkdir()
    for index, sample in enumerate(samples(32, 3)[0]):
        np.savez(folder / "calibration" / f"{index:03}.npz", x=sample.numpy())
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    given = ["--calibration", "calibration", "--cache", "cache", "--json", *words]
    command = [sys.executable, "-m", "importer", "convert", "net.pt2", "-o", "out", "--recipe", "search", *given]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )


def metadata_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json_output.read(done.stdout, "convert")["files"][0]["metadata"]
    return found


@pytest.mark.slow
def test_the_layers_that_lose_most_stay_fp32(folder: Path) -> None:
    words = ("--target", "top1 drop < 2%, smallest", "--evaluate", "test.npz", "--plot", "front.png")
    found = metadata_of(run(folder, *words))
    search = found["search"]
    assert search["complete"] and search["chosen"]["float_layers"] and found["recipe"] == search["chosen"]["recipe"]
    assert set(search["chosen"]["float_layers"]) == {"first", "second"}, "the fewest that reach the target"
    assert found["evaluation"]["metric"] == "top1" and found["evaluation"]["difference"] > -0.02
    rows = {(row["recipe"], len(row["float_layers"])): row for row in search["candidates"]}
    whole, exact = rows["xnnpack_int8_static", 0], rows["xnnpack_fp32", 0]
    assert whole.get("error") == "ACCURACY_LOST" or whole["drop"] > 0.02, "int8 alone is not good enough"
    assert found["payload"]["size"] < 0.6 * exact["size"], "and most of the network is int8"
    errors = {item["layer"]: item["error"] for item in search["layers"]}
    assert min(errors["first"], errors["second"]) > 5 * max(errors["wide"], errors["head"])
    assert (folder / "front.png").read_bytes().startswith(b"\x89PNG")
    stable = (folder / "out" / "net.tres").read_text(encoding="utf-8")
    assert '"search"' not in stable and '"search"' in (folder / "out" / "net.measured.json").read_text(encoding="utf-8")
    # The same again: everything is in the cache. Too little is asked for then, and too much.
    again = metadata_of(run(folder, *words[:4]))
    assert again["search"] == search and again["provenance"] == found["provenance"]
    impossible = run(folder, "--target", "top1 drop < 0, smallest", "--evaluate", "test.npz")
    refused = json_output.read(impossible.stdout, "convert")["files"][0].get("error", {"code": "", "cause": ""})
    if impossible.returncode:  # a program may be better than eager PyTorch by chance
        assert impossible.returncode == 3 and refused["code"] == "TARGET_NOT_REACHED"
        assert "the best is xnnpack_" in refused["cause"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("TARGET_INVALID", ("--target", "top1 below 2%", "--evaluate", "test.npz")),
        ("TARGET_INVALID", ("--evaluate", "test.npz")),
        ("EVALUATION_MISSING", ("--target", "top1 drop < 2%, smallest")),
        (
            "OPTION_INVALID",
            ("--target", "top1 drop < 2%, smallest", "--evaluate", "test.npz", "--variants", "portable"),
        ),
    ],
)
def test_what_cannot_be_searched(code: str, words: tuple[str, ...], folder: Path) -> None:
    done = run(folder, *words)
    error = json_output.read(done.stdout, "convert")["files"][0]["error"]
    assert done.returncode == 2 and error["code"] == code


def test_a_layer_that_there_is_not(folder: Path) -> None:
    command = [sys.executable, "-m", "importer", "convert", "net.pt2", "-o", "out", "--recipe", "xnnpack_int8_dynamic"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--float-layers", "frist", "--json"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    error = json_output.read(done.stdout, "convert")["files"][0]["error"]
    assert error["code"] == "LAYER_UNKNOWN" and "first" in error["remedy"]
