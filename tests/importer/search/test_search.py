"""A search of a real network, two of whose layers do not bear int8: these stay fp32. And what ends a search."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from importer.cache.cache import Cache
from importer.errors import ImporterError, exit_status
from importer.options import ImportOptions
from importer.progress import Progress
from importer.scheduling.local import LocalScheduler
from importer.scheduling.work import Conversion
from importer.search.candidates import Candidate
from importer.search.run import search
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
    layers = {"first: fp16", "second: fp16"}
    assert set(search["chosen"]["float_layers"]) == layers, "the fewest that reach the target, and fp16 is enough"
    assert found["evaluation"]["metric"] == "top1" and found["evaluation"]["difference"] > -0.02
    rows = {(row["recipe"], len(row["float_layers"])): row for row in search["candidates"]}
    whole, exact = rows["xnnpack_int8_static", 0], rows["xnnpack_fp32", 0]
    assert whole.get("error") == "ACCURACY_LOST" or whole["drop"] > 0.02, "int8 alone is not good enough"
    assert 0 < whole["size"] < exact["size"] and whole["executorch_us"] > 0, "it was measured all the same"
    assert found["payload"]["size"] < 0.6 * exact["size"], "and most of the network is int8"
    errors = {item["layer"]: item["error"] for item in search["layers"]}
    assert min(errors["first"], errors["second"]) > 5 * max(errors["wide"], errors["head"])
    assert (folder / "front.png").read_bytes().startswith(b"\x89PNG")
    stable = (folder / "out" / "net.tres").read_text(encoding="utf-8")
    assert '"search"' not in stable and '"search"' in (folder / "out" / "net.measured.json").read_text(encoding="utf-8")
    assert (
        "float_layers" in found["provenance"]["options"] and "max_relative_error" not in found["provenance"]["options"]
    )
    # The same again: everything is in the cache, also what failed. Too little is asked for then, and too much.
    done = run(folder, *words[:4])
    again = metadata_of(done)
    assert again["search"] == search and again["provenance"] == found["provenance"]
    assert json_output.read(done.stdout, "convert")["files"][0]["cached"]
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


def slow(folder: Path, seconds: int) -> Conversion:
    """A model whose factory sleeps, so that no candidate is ever converted."""
    (folder / "slow.py").write_text("import time\ndef build():\n    time.sleep(100)\n", encoding="utf-8")
    torch.save(Net().state_dict(), folder / "slow.pth")
    given = {"factory": "res://slow.py:build", "inputs": "float32[1,32]", "evaluate": "res://test.npz"}
    options = ImportOptions.from_mapping({**given, "deadline_seconds": seconds})
    return Conversion(folder / "slow.pth", options, folder)


def test_a_cancelled_search_ends_its_conversions(folder: Path, tmp_path: Path) -> None:
    cancelled, begun = threading.Event(), threading.Event()

    def cancel() -> None:
        begun.wait(60)
        cancelled.set()

    def told(_: Candidate, step: Progress) -> None:
        if step.stage == "load":  # the factory sleeps
            begun.set()

    threading.Thread(target=cancel, daemon=True).start()
    scheduler = LocalScheduler(Cache(tmp_path / "cache"))
    with pytest.raises(ImporterError) as caught:
        search(slow(folder, 600), "top1 drop < 2%, smallest", scheduler, told, cancelled)
    assert caught.value.code == "CANCELLED" and begun.is_set()


def test_the_deadline_is_that_of_the_whole_search(folder: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    scheduler = LocalScheduler(Cache(tmp_path / "cache"))
    with pytest.raises(ImporterError) as caught:
        search(slow(folder, 3), "top1 drop < 2%, smallest", scheduler, lambda candidate, step: None)
    assert caught.value.code == "DEADLINE_EXCEEDED" and "nothing was measured" in caught.value.cause
    assert exit_status(caught.value) == 4, "no condition failed: nothing is known of the model"
    assert "deadline_seconds" in caught.value.remedy and "the search continues there" in caught.value.remedy
    assert time.monotonic() - began < 60, "not six candidates, one after the other"


@pytest.mark.slow
def test_a_layer_that_there_is_not(folder: Path) -> None:
    command = [sys.executable, "-m", "importer", "convert", "net.pt2", "-o", "out", "--recipe", "xnnpack_int8_dynamic"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--float-layers", "frist", "--json"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    error = json_output.read(done.stdout, "convert")["files"][0]["error"]
    assert error["code"] == "LAYER_UNKNOWN" and "first" in error["remedy"]
