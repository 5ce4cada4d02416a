"""A model that is larger than the memory that the game may take: its packed weights are pages of a file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower

from tests.godot_projects import GodotProject, Run

WIDTH = 4096
LAYERS = 4  # 268 MB in float32
LIMIT_MEGABYTES = 200
SCRIPT = """extends SceneTree

func _init() -> void:
\tvar limit: int = int(OS.get_cmdline_user_args()[0])
\tProjectSettings.set_setting("executorch/runtime/packed_weights_limit_bytes", limit)
\tvar start: int = Time.get_ticks_usec()
\tvar model: ExecuTorchResource = load("res://models/large.pte")
\tvar inputs: PackedFloat32Array = []
\tinputs.resize(4096)
\tinputs.fill(1.0)
\tvar outputs: Dictionary = model.forward({"input_0": inputs})
\tvar memory: Dictionary = model.get_memory_info()
\tif outputs.is_empty():
\t\tprint("error: %s" % model.get_last_error())
\telse:
\t\tprint("sum: %.6f" % Array(outputs.values()[0]).reduce(func(a: float, b: float) -> float: return a + b))
\t\tprint("mapped: %d private: %d" % [memory["packed_file"], memory["delegate"]])
\tprint("the first result after %.0f ms" % ((Time.get_ticks_usec() - start) / 1000.0))
\tquit()
"""
LIMITED = (
    f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT_MEGABYTES} << 20,) * 2); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.mark.slow
def test_a_model_larger_than_the_allowed_memory(project: Callable[..., GodotProject]) -> None:
    made = project()
    (made.path / "models").mkdir(exist_ok=True)
    write_model(made.path / "models" / "large.pte")
    assert made.import_all(timeout=600).status == 0
    (made.path / "large.gd").write_text(SCRIPT, encoding="utf-8")
    launcher = made.path / "limited.sh"
    launcher.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{LIMITED}' {made.godot} \"$@\"\n", encoding="utf-8")
    launcher.chmod(0o755)
    limited = GodotProject(made.path, launcher, made.environment)

    right = run(made, 0)  # no packed weights are kept
    refused = run(limited, 0)
    assert "sum: " not in refused.output, refused.output
    assert "[DelegateMemoryAllocationFailed] Free memory, or use a smaller model." in refused.output, refused.output
    for _ in range(3):
        packed = run(limited, 1 << 31)
        assert value("sum", packed) == value("sum", right)
        assert value("mapped", packed) >= LAYERS * WIDTH * WIDTH * 4
        assert value("private", packed) == 0


def write_model(path: Path) -> None:
    layers = [layer for _ in range(LAYERS) for layer in (torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU())]
    with torch.no_grad():
        exported = torch.export.export(torch.nn.Sequential(*layers).eval(), (torch.ones(1, WIDTH),))
        program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    with path.open("wb") as file:
        program.write_to_file(file)


def run(made: GodotProject, most_bytes: int) -> Run:
    done = made.run("-s", "large.gd", "--", str(most_bytes))
    assert done.status == 0, done.output
    print(done.output)
    return done


def value(name: str, done: Run) -> float:
    found = re.search(rf"{name}: (\S+)", done.output)
    assert found is not None, done.output
    return float(found.group(1))
