"""Kinds of networks in this runtime, in onnxruntime and in eager PyTorch: one table, in turns in one run.

Every network of benchmarks/networks/zoo.py is imported with `auto`, and again with `xnnpack_int8_static`. onnxruntime
gets the same network exported to ONNX, and quantized by its own static quantization with the same calibration data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks._peers import ROOT, run_eager, run_onnx, run_raw
from importer.version import IMPORTER_VERSION

SOURCE = ROOT / "benchmarks" / "networks" / "zoo.py"
MODULE = "benchmarks.networks.zoo"
PRECISIONS = ("fp32", "int8")
RECIPES = {"fp32": "auto", "int8": "xnnpack_int8_static"}
CALIBRATION_SAMPLES = 16


def main() -> int:
    from benchmarks.networks.zoo import NETWORKS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--seconds", type=float, default=0.3, help="per measurement and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--precisions", nargs="*", default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    options = parser.parse_args()
    numbers: dict[str, Any] = {}
    folders = {name: _ensure(name, options.precisions) for name in options.networks}
    for precision in options.precisions:
        for threads in options.threads:
            print(f"\n{precision}, {threads} thread{'s' if threads > 1 else ''}\n\n{HEAD}", flush=True)
            for name in options.networks:
                row = measure(folders[name], name, precision, threads, options.rounds, options.seconds)
                numbers[f"{name}, {precision}, {threads} threads"] = row
                print(as_row(NETWORKS[name].title, row), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


HEAD = (
    "| network | ours us | eager us | onnxruntime us | ours / faster | load ms, ours and other | grown MB, both |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def measure(folder: Path, name: str, precision: str, threads: int, rounds: int, seconds: float) -> dict[str, Any]:
    """The best of all rounds in microseconds, `load_us` and `grown_kb` of each; or `{"refused": cause}`."""
    stem = name if precision == "fp32" else f"{name}.int8"
    refused = folder / f"{stem}.refused"
    if refused.exists():
        return {"refused": refused.read_text(encoding="utf-8")}
    row: dict[str, Any] = {}
    inputs = folder / "inputs"
    for _ in range(rounds):
        results = {
            "ours": run_raw(folder / f"{stem}.pte", threads, seconds, "core", inputs),
            "onnxruntime": run_onnx(folder / f"{stem}.onnx", threads, seconds, inputs),
            "eager": run_eager(MODULE, name, threads, seconds, inputs) if precision == "fp32" else None,
        }
        for maker, result in results.items():
            for figure, value in (result or {}).items():
                key = f"{maker} {figure}"
                row[key] = min(row.get(key, value), value)
    peers = [row[key] for key in ("onnxruntime best_us", "eager best_us") if key in row]
    row["ratio"] = row["ours best_us"] / min(peers) if peers else None
    return row


def as_row(title: str, row: dict[str, Any]) -> str:
    """One line of the table in Markdown."""
    if "refused" in row:
        return f"| {title} | refused: {row['refused']} | | | | | |"

    def figure(key: str, divisor: float, digits: int) -> str:
        return f"{row[key] / divisor:.{digits}f}" if key in row else "-"

    cells = [
        title,
        figure("ours best_us", 1, 1),
        figure("eager best_us", 1, 1),
        figure("onnxruntime best_us", 1, 1),
        f"{row['ratio']:.2f}" if row["ratio"] is not None else "-",
        f"{figure('ours load_us', 1000, 1)}, {figure('onnxruntime load_us', 1000, 1)}",
        f"{figure('ours grown_kb', 1024, 1)}, {figure('onnxruntime grown_kb', 1024, 1)}",
    ]
    return f"| {' | '.join(cells)} |"


def _ensure(name: str, precisions: list[str]) -> Path:
    """The folder with one network's programs and ONNX files, made once for each version of importer and networks."""
    digest = hashlib.sha256(SOURCE.read_bytes() + Path(__file__).read_bytes() + str(IMPORTER_VERSION).encode())
    folder = ROOT / ".cache" / "benchmark_models" / f"zoo-{digest.hexdigest()[:16]}" / name
    for precision in precisions:
        if not (folder / f"{precision}.ready").exists():
            folder.mkdir(parents=True, exist_ok=True)
            print(f"making {name}, {precision}", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "benchmarks.zoo", "--make", name, precision, str(folder)]
            subprocess.run(command, cwd=ROOT, check=True)
            (folder / f"{precision}.ready").touch()
    return folder


def _make(name: str, precision: str, folder: Path) -> None:
    import numpy
    import torch

    from benchmarks.networks.zoo import NETWORKS

    torch.manual_seed(7)
    network = NETWORKS[name]
    model = network.build().eval().requires_grad_(False)
    samples = [network.inputs() for _ in range(CALIBRATION_SAMPLES)]
    write_inputs(folder / "inputs", samples[0])
    exported = torch.export.export(model, samples[0])
    torch.export.save(exported, folder / "source.pt2")
    if precision == "int8":
        calibration = folder / "calibration"
        calibration.mkdir(exist_ok=True)
        names = exported.graph_signature.user_inputs
        for number, sample in enumerate(samples):
            arrays = {str(key): value.numpy() for key, value in zip(names, sample, strict=True)}
            numpy.savez(calibration / f"{number:02}.npz", **arrays)
    _convert(name, folder, precision)
    try:
        whole = folder / f"{name}.onnx"
        torch.onnx.export(model, samples[0], str(whole), dynamo=True, external_data=False)
        if precision == "int8":
            _quantize_onnx(whole, folder / f"{name}.int8.onnx", samples)
    except Exception as error:
        print(f"{name}: onnxruntime: {error}", file=sys.stderr)


def write_inputs(folder: Path, inputs: tuple[Any, ...]) -> None:
    """The elements of each input as the three runtimes read them."""
    folder.mkdir(exist_ok=True)
    for number, value in enumerate(inputs):
        (folder / f"input_{number}.bin").write_bytes(value.contiguous().numpy().tobytes())


def _convert(name: str, folder: Path, precision: str) -> None:
    from importer.cache.cache import Cache
    from importer.errors import ImporterError
    from importer.options import ImportOptions
    from importer.pipeline import convert

    stem = name if precision == "fp32" else f"{name}.int8"
    options = ImportOptions(
        recipe=RECIPES[precision],
        calibration=str(folder / "calibration") if precision == "int8" else "",
        # The time is compared, and random weights make errors that no trained network has.
        max_relative_error="1" if precision == "int8" else "",
    )
    try:
        artifact = convert(folder / "source.pt2", cache=Cache(folder / "cache"), options=options)
    except ImporterError as error:
        (folder / f"{stem}.refused").write_text(f"{error.code}: {error.cause.splitlines()[0]}", encoding="utf-8")
        return
    (folder / f"{stem}.pte").write_bytes(artifact.payload.read_bytes())
    (folder / f"{stem}.json").write_text(json.dumps(artifact.metadata), encoding="utf-8")


def _quantize_onnx(source: Path, target: Path, samples: list[tuple[Any, ...]]) -> None:
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            names = [given.name for given in onnxruntime.InferenceSession(str(source)).get_inputs()]
            self.rows = iter([{n: v.numpy() for n, v in zip(names, sample, strict=True)} for sample in samples])

        def get_next(self) -> dict[str, Any] | None:
            return next(self.rows, None)

    prepared = target.with_suffix(".prepared")
    quant_pre_process(str(source), str(prepared))
    quantize_static(str(prepared), str(target), Reader(), quant_format=QuantFormat.QDQ, per_channel=True)
    prepared.unlink()


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "--make":
        _make(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
        sys.exit(0)
    sys.exit(main())
