"""GDScript calls in an exported release game against raw C++ `Module::forward` on the same files, in one run.

Raw and Godot are measured in turns, and the fastest batch of each counts: a busy machine slows both, not their ratio.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import _game, _models
from benchmarks._game import Game
from benchmarks._peers import run_onnx, run_raw

ROOT = Path(__file__).resolve().parent.parent
THREADS = (1, 2)
# What a call is allowed to cost in raw calls.
REACH = {"packed": 1.2, "dictionary": 2.5}
# A model that does real work is as fast as in C++, but for this.
LARGE_REACH = 1.01
# A batch of this many agents, and what it is allowed to cost in as many single calls.
AGENTS = 1000
BATCH_REACH = 0.1
WAYS = ("packed", "array", "dictionary", "numbers", "resource packed", "resource dictionary")
# The same calls in the editor's own build of Godot, which checks more.
EDITOR_WAYS = ("editor packed", "editor dictionary", "editor resource packed", "editor resource dictionary")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--seconds", type=float, default=0.3, help="per measurement and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="*", default=list(_models.MODELS), choices=list(_models.MODELS))
    options = parser.parse_args()
    folder = _models.ensure()
    numbers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        game = _game.make(Path(temporary), "runtime_calls.gd")
        for threads in THREADS:
            for name in options.models:
                result = measure(game, folder, name, threads, options.rounds, options.seconds)
                numbers[f"{name}, {threads} threads"] = result
                print_row(name, threads, result)
        numbers["batch"] = measure_batch(game, folder / "policy.pte", options.rounds, options.seconds)
        print_batch(numbers["batch"])
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(game: Game, folder: Path, name: str, threads: int, rounds: int, seconds: float) -> dict[str, Any]:
    """The best of all rounds for every way to call the model, in microseconds."""
    best: dict[str, float] = {}
    other: dict[str, float] = {}

    def keep(way: str, microseconds: float) -> None:
        best[way] = min(best.get(way, microseconds), microseconds)

    for _ in range(rounds):
        for mode in ("module", "core"):
            raw = run_raw(folder / f"{name}.pte", threads, seconds, mode)
            keep(mode, raw["best_us"])
            keep(f"{mode} load", raw["load_us"])
            other[f"{mode} allocations"] = raw["allocations"]
            other[f"{mode} grown"] = raw["grown_kb"]
        # The same program once more: how far apart two equal measurements are.
        keep("module again", run_raw(folder / f"{name}.pte", threads, seconds, "module")["best_us"])
        builds = {"": game.release or game.editor, "editor ": game.editor}
        for build, command in builds.items():
            calls = game.run(command, [str(folder / f"{name}.pte"), str(threads), str(seconds)])
            keep(f"{build}godot load", calls.pop("load_us"))
            other[f"{build}godot grown"] = calls.pop("grown_kb")
            for way, (fastest, _) in calls.items():
                keep(f"{build}{way}", fastest)
        onnx = run_onnx(folder / f"{name}.onnx", threads, seconds)
        if onnx is not None:
            keep("onnxruntime", onnx["best_us"])
            keep("onnxruntime load", onnx["load_us"])
            other["onnxruntime grown"] = onnx["grown_kb"]
    ways = ("module again", *WAYS, *EDITOR_WAYS, "core", "onnxruntime")
    ratios = {way: best[way] / best["module"] for way in ways if way in best}
    return {"microseconds": best, "ratios": ratios, **other}


def print_row(name: str, threads: int, result: dict[str, Any]) -> None:
    times = result["microseconds"]
    print(
        f"\n{name}, {threads} thread{'s' if threads > 1 else ''}: raw Module::forward {times['module']:.2f} us",
        flush=True,
    )
    for way, ratio in result["ratios"].items():
        reach = REACH.get(way, 1.0) if name.startswith("linear") else LARGE_REACH
        mark = "" if way not in REACH else f"   reach {reach:.2f}: {'yes' if ratio <= reach else 'NO'}"
        print(f"  {way:<26} {times[way]:>10.2f} us  {ratio:>6.3f} x raw{mark}")
    if "onnxruntime" in times:
        mine = min(times[way] for way in WAYS if way in times)
        print(f"  the fastest call from Godot is {mine / times['onnxruntime']:.3f} x onnxruntime's")
    makers = ("module", "core", "godot", "onnxruntime")
    print("  load: " + ", ".join(f"{way} {times[f'{way} load']:.0f} us" for way in makers if f"{way} load" in times))
    print(
        "  the process grows by: "
        + ", ".join(f"{way} {result[f'{way} grown']} KB" for way in makers if f"{way} grown" in result)
    )
    print(f"  heap allocations a call: raw {result['module allocations']:.0f}, core {result['core allocations']:.0f}")


def measure_batch(game: Game, policy: Path, rounds: int, seconds: float) -> dict[str, float]:
    """Microseconds for AGENTS agents, one thread: in single calls and at once; the best of all rounds."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        times = game.run(game.release or game.editor, [str(policy), "1", str(seconds), str(AGENTS)])
        for way, (fastest, _) in times.items():
            best[way] = min(best.get(way, fastest), fastest)
    return best


def print_batch(times: dict[str, float]) -> None:
    for maker, title in (("", "native class"), ("resource ", "ExecuTorchResource")):
        single = times[f"{maker}single"]
        print(f"\npolicy network, {AGENTS} agents, 1 thread, {title}: {AGENTS} single calls {single:.0f} us")
        for way in ("forward_batch", "one packed array"):
            microseconds = times[f"{maker}{way}"]
            ratio = microseconds / single
            reached = "yes" if ratio <= BATCH_REACH else "NO"
            print(
                f"  {way:<26} {microseconds:>10.2f} us  {ratio:>6.3f} x single calls   reach {BATCH_REACH}: {reached}"
            )


if __name__ == "__main__":
    sys.exit(main())
