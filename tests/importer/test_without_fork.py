"""Whole conversions as on systems without forks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from importer.cache.cache import Cache
from importer.jobs.conversion import Job, convert_in_child
from importer.jobs.starting import Spawn
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.proof import child_runner


def test_a_conversion_in_a_spawned_process(models: Path, tmp_path: Path) -> None:
    job = Job(models / "linear.pt", str(tmp_path / "cache"), ImportOptions(recipe="portable"))
    stages: list[str] = []
    artifact = convert_in_child(job, lambda step: stages.append(step.stage), way=Spawn())
    assert artifact.metadata["recipe"] == "portable" and artifact.metadata["accuracy"]["max_relative"] < 1e-3
    assert stages[0] == "start" and stages[-1] == "store"


def test_a_conversion_without_a_fork(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is proved in a new process too."""
    monkeypatch.delattr(os, "fork")
    monkeypatch.setattr(child_runner, "_run_child", child_runner._run_spawned)
    made = convert(models / "linear.pt", cache=Cache(tmp_path / "cache"), options=ImportOptions(recipe="xnnpack_fp32"))
    assert made.metadata["accuracy"]["max_relative"] < 1e-3 and made.metadata["timings"]["executorch_us"] > 0
