"""The programs that are measured, made once under .cache/: `python -m benchmarks._models FOLDER`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# name -> input shape
MODELS = {
    "linear": (1, 1),
    "linear_portable": (1, 1),
    "mlp": (1, 784),
    "convnet": (1, 3, 64, 64),
}
# A small policy network with a dynamic first dimension, 1 to POLICY_ROWS: policy.pte.
POLICY_INPUTS = 8
POLICY_ROWS = 1024


def ensure() -> Path:
    """The folder with `<name>.pte` and, where onnx is installed, `<name>.onnx`."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    folder = ROOT / ".cache" / "benchmark_models" / digest
    if not (folder / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "benchmarks._models", str(folder)], cwd=ROOT, check=True)
        (folder / "ready").touch()
    return folder


def convnet() -> Any:
    """The convnet of the benchmarks, for images of 3 x 64 x 64."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def _make(folder: Path) -> None:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from torch import nn

    torch.manual_seed(7)
    networks = {
        "linear": nn.Linear(1, 1),
        "mlp": nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 300), nn.ReLU(), nn.Linear(300, 10)),
        "convnet": convnet(),
    }
    networks["linear_portable"] = networks["linear"]
    for name, shape in MODELS.items():
        network = networks[name].eval().requires_grad_(False)
        inputs = (torch.zeros(shape),)
        exported = torch.export.export(network, inputs)
        partitioner = None if name.endswith("_portable") else [XnnpackPartitioner()]
        program = to_edge_transform_and_lower(exported, partitioner=partitioner).to_executorch()
        (folder / f"{name}.pte").write_bytes(program.buffer)
        try:
            torch.onnx.export(network, inputs, str(folder / f"{name}.onnx"), dynamo=True, external_data=False)
        except ImportError:
            print(f"{name}: no ONNX file (pip install onnx onnxscript onnxruntime)", file=sys.stderr)
    policy = nn.Sequential(nn.Linear(POLICY_INPUTS, 32), nn.Tanh(), nn.Linear(32, 4)).eval().requires_grad_(False)
    rows = torch.export.Dim("rows", min=1, max=POLICY_ROWS)
    exported = torch.export.export(policy, (torch.zeros(2, POLICY_INPUTS),), dynamic_shapes=({0: rows},))
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    (folder / "policy.pte").write_bytes(program.buffer)


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
