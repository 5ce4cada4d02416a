"""The programs that are measured, made once by the importer: `python -m benchmarks._models FOLDER`."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("_models.py", "networks/__init__.py", "networks/minilm.py")

# name -> its inputs' shapes; those of MiniLM, with few tokens and with many, are int64
MODELS: dict[str, tuple[tuple[int, ...], ...]] = {
    "linear": ((1, 1),),
    "linear_portable": ((1, 1),),
    "mlp": ((1, 784),),
    "convnet": ((1, 3, 64, 64),),
    "mobilenet": ((1, 3, 160, 160),),
    "minilm": ((1, 64), (1, 64)),
    "minilm_long": ((1, 192), (1, 192)),
}
INTEGERS = ("minilm", "minilm_long")
# One of them, cut so that no instruction takes longer: name -> (whose network, milliseconds).
SLICED = {"minilm_sliced": ("minilm", "1")}
# A small policy network with a dynamic first dimension, 1 to POLICY_ROWS: policy.pte.
POLICY_ROWS = 1024


def ensure() -> Path:
    """The folder with `<name>.pte` and, where onnx is installed, `<name>.onnx`."""
    digest = hashlib.sha256(b"".join((ROOT / "benchmarks" / name).read_bytes() for name in SOURCES)).hexdigest()[:16]
    folder = ROOT / ".cache" / "benchmark_models" / digest
    if not (folder / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "benchmarks._models", str(folder)], cwd=ROOT, check=True)
        (folder / "ready").touch()
    return folder


def _make(folder: Path) -> None:
    import torch

    from benchmarks.networks import BUILDERS, POLICY_INPUTS

    torch.manual_seed(7)
    for name, shapes in MODELS.items():
        network = BUILDERS[name]().eval().requires_grad_(False)
        kind = torch.int64 if name in INTEGERS else torch.float32
        inputs = tuple(torch.ones(shape, dtype=kind) for shape in shapes)
        recipe = "portable" if name.endswith("_portable") else "xnnpack_fp32"
        _convert(torch.export.export(network, inputs), folder / f"{name}.pte", recipe)
        try:
            torch.onnx.export(network, inputs, str(folder / f"{name}.onnx"), dynamo=True, external_data=False)
        except ImportError:
            print(f"{name}: no ONNX file (pip install onnx onnxscript onnxruntime)", file=sys.stderr)
    rows = torch.export.Dim("rows", min=1, max=POLICY_ROWS)
    network = BUILDERS["policy"]().eval().requires_grad_(False)
    exported = torch.export.export(network, (torch.zeros(2, POLICY_INPUTS),), dynamic_shapes=({0: rows},))
    _convert(exported, folder / "policy.pte", "xnnpack_fp32")
    for name, (whole, milliseconds) in SLICED.items():
        network = BUILDERS[whole]().eval().requires_grad_(False)
        inputs = tuple(torch.ones(shape, dtype=torch.int64) for shape in MODELS[whole])
        _convert(torch.export.export(network, inputs), folder / f"{name}.pte", "xnnpack_fp32", milliseconds)


def _convert(exported: Any, target: Path, recipe: str, slice_milliseconds: str = "") -> None:
    import torch

    from importer.cache.cache import Cache
    from importer.options import ImportOptions
    from importer.pipeline import convert

    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / f"{target.stem}.pt2"
        torch.export.save(exported, source)
        options = ImportOptions(recipe=recipe, slice=slice_milliseconds)
        artifact = convert(source, cache=Cache(Path(temporary) / "cache"), options=options)
        shutil.copyfile(artifact.payload, target)
        target.with_suffix(".json").write_text(json.dumps(artifact.metadata), encoding="utf-8")


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
