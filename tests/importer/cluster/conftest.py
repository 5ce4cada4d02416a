"""A cluster that most tests share, and small models with a factory, data and a metric."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.importer.cluster.dask_processes import Cluster

_FACTORY = """
import json
from pathlib import Path

import torch
from sizes import HIDDEN


def build(hidden=HIDDEN):
    with Path(__file__).with_name("layers.json").open() as file:
        assert json.load(file) == [8, 16, 4]
    return torch.nn.Sequential(torch.nn.Linear(8, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 4))
"""
_METRIC = "def score(outputs, target):\n    return float((outputs[0].argmax() == target).sum())\n"


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers."""
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        found.add_worker("one")
        found.add_worker("two")
        yield found
    finally:
        found.stop()


def make_models(folder: Path, count: int) -> Path:
    """`models.toml` with state dicts, of which each third is quantized and evaluated."""
    import numpy as np
    import torch

    (folder / "net.py").write_text(_FACTORY, encoding="utf-8")
    (folder / "sizes.py").write_text("HIDDEN = 16\n", encoding="utf-8")
    (folder / "layers.json").write_text("[8, 16, 4]", encoding="utf-8")
    (folder / "own.py").write_text(_METRIC, encoding="utf-8")
    (folder / "images").mkdir()
    generator = np.random.default_rng(0)
    for index in range(8):
        np.save(folder / "images" / f"{index}.npy", generator.random((1, 8), dtype=np.float32))
    np.savez(
        folder / "test.npz", input_0=generator.random((32, 8), dtype=np.float32), target=generator.integers(0, 4, 32)
    )
    lines = ['[defaults]\nfactory = "net.py:build"\ninputs = "float32[1,8]"']
    for index in range(count):
        torch.manual_seed(index)
        layers = [torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4)]
        torch.save(torch.nn.Sequential(*layers).state_dict(), folder / f"net{index}.pth")
        lines.append(f'[[models]]\nsource = "net{index}.pth"')
        if index % 3 == 1:
            lines.append('recipe = "xnnpack_int8_static"\ncalibration = "images"\nmax_relative_error = "1"')
            lines.append('evaluate = "test.npz"\nmetric = "own.py:score"')
    config = folder / "models.toml"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config
