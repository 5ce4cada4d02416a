"""Mixed models, threads, sessions and asynchronous calls for a while: right results, flat memory."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_projects import ROOT, GodotProject

MODELS = ("linear.pt", "linear_xnnpack.pte", "linear_portable.pte", "policy.pt2", "two_methods.pte", "counter.pte")
# What the allocator's arenas may take more at the end than after the first quarter.
MARGIN_BYTES = 4 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("seconds", [20, pytest.param(600, marks=pytest.mark.slow)])
def test_memory_is_flat(project: Callable[..., GodotProject], models: Path, artifact_cache: Path, seconds: int) -> None:
    made = project(cache=artifact_cache)
    made.add([models / name for name in MODELS])
    shutil.copy(ROOT / "tests" / "runtime" / "soak" / "run.gd", made.path / "run.gd")
    made.import_all()
    run = made.run("-s", "res://run.gd", "--", str(seconds), timeout=seconds * 2 + 120)
    assert run.status == 0, run.output
    assert run.errors == [], run.output
    found = json.loads(
        next(line for line in run.output.splitlines() if line.startswith("soak: ")).removeprefix("soak: ")
    )
    rounds = len(found["resident"])
    some = [size >> 20 for size in found["resident"]][:: rounds // 8 or 1]
    print(f"{rounds} rounds, {found['calls']} calls, resident MiB {some}")
    assert rounds >= 8, found
    assert found["wrong"] == 0, f"{found['wrong']} of {found['calls']} calls were wrong"
    quarter = rounds // 4
    early, late = found["resident"][quarter : 2 * quarter], found["resident"][-quarter:]
    assert min(late) - min(early) < MARGIN_BYTES, found["resident"]
    assert min(found["objects"][-quarter:]) <= max(found["objects"][quarter : 2 * quarter]), found["objects"]
