"""How much memory a conversion takes for a model's weights."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from importer.jobs.process_tree import tree_memory

ROOT = Path(__file__).parents[2]


def peak(width: int, folder: Path) -> int:
    """The most bytes at once of all processes of a conversion with its proof."""
    model = nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(8)))
    source = folder / f"net_{width}.pt2"
    torch.export.save(torch.export.export(model.eval(), (torch.rand(1, width),)), source)
    command = [sys.executable, "-m", "importer", "convert", source, "-o", folder / "out", "--cache", folder / "cache"]
    child = subprocess.Popen([*map(str, command), "--quiet"], cwd=ROOT, stderr=subprocess.PIPE)
    most = 0
    while child.poll() is None:
        most = max(most, tree_memory(child.pid, shared_once=True))
        time.sleep(0.02)
    assert child.returncode == 0, child.communicate()[1].decode()
    return most


@pytest.mark.slow
def test_weights_are_in_memory_three_times_at_most(tmp_path: Path) -> None:
    """As calling torch.export.load, XNNPACK's partitioner and write_to_file takes, and a fifth more."""
    small, large = peak(64, tmp_path), peak(2896, tmp_path)
    times = (large - small) / (8 * 2896 * 2896 * 4)
    print(f"{times:.2f} times the weights")
    assert 1 < times < 3.7
