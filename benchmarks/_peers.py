"""What a program is compared with: ExecuTorch's own C++, onnxruntime and eager PyTorch, each in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RAW = ROOT / "build" / "native" / "raw_forward"


def run_raw(model: Path, threads: int, seconds: float, mode: str, inputs: Path | None = None) -> dict[str, float]:
    """The program in C++: `module` is ExecuTorch's `Module`, `core` what Godot calls. Microseconds and kilobytes.

    inputs: a folder with the elements of each input, input_0.bin and so on; without it floats are 0.5, integers 1.
    """
    if not RAW.exists():
        raise SystemExit(f"{RAW} is missing: run `python3 dev.py build` first")
    return _run([str(RAW), str(model), str(threads), str(seconds), mode, *([str(inputs)] if inputs else [])])


def run_onnx(model: Path, threads: int, seconds: float, inputs: Path | None = None) -> dict[str, float] | None:
    """onnxruntime from Python (a few microseconds a call more than from C++); None when there is no such file."""
    if not model.exists():
        return None
    return _run([sys.executable, "-c", _ONNX, str(model), str(threads), str(seconds), str(inputs or "")])


def run_eager(networks: str, name: str, threads: int, seconds: float, inputs: Path) -> dict[str, float]:
    """Eager PyTorch, the network `name` of the module `networks`."""
    return _run([sys.executable, "-c", _EAGER, networks, name, str(threads), str(seconds), str(inputs)])


def _run(command: list[str]) -> dict[str, float]:
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if finished.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{finished.stderr[-2000:]}")
    numbers: dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return numbers


# Both measure as raw_forward.cpp does: batches of about 2 ms, the fastest of them counts.
_MEASURE = """
import json, sys, time
def measure(call, seconds):
    begun = time.perf_counter()
    done = 0
    while done < 5 or time.perf_counter() - begun < 0.1:
        call()
        done += 1
    calls = max(1, int(0.002 * done / (time.perf_counter() - begun)))
    best = float("inf")
    rounds = 0
    start = time.perf_counter()
    while rounds < 5 or time.perf_counter() - start < seconds:
        begun = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter() - begun) / calls)
        rounds += 1
    return best * 1e6
def resident():
    return int(open("/proc/self/status").read().split("VmRSS:")[1].split()[0])
"""

_ONNX = (
    _MEASURE
    + """
import numpy, onnxruntime
path, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
before = resident()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
start = time.perf_counter()
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
load = time.perf_counter() - start
feed = {}
for number, given in enumerate(session.get_inputs()):
    whole = given.type == "tensor(int64)"
    dtype = numpy.int64 if whole else numpy.float32
    if sys.argv[4]:
        feed[given.name] = numpy.fromfile(f"{sys.argv[4]}/input_{number}.bin", dtype).reshape(given.shape)
    else:
        feed[given.name] = numpy.full(given.shape, 1 if whole else 0.5, dtype)
best = measure(lambda: session.run(None, feed), seconds)
print(json.dumps({"load_us": load * 1e6, "best_us": best, "grown_kb": resident() - before}))
"""
)

_EAGER = (
    _MEASURE
    + """
import importlib, torch
module, name, threads, seconds, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
torch.set_num_threads(threads)
network = importlib.import_module(module).NETWORKS[name]
model = network.build().eval()
inputs = tuple(
    torch.from_file(f"{folder}/input_{number}.bin", size=value.numel(), dtype=value.dtype).reshape(value.shape)
    for number, value in enumerate(network.inputs())
)
with torch.inference_mode():
    best = measure(lambda: model(*inputs), seconds)
print(json.dumps({"best_us": best}))
"""
)
