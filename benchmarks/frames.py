"""The frame loop of an exported game at 60 frames a second, idle and with a model that runs all the time on a worker
thread; what an asynchronous call costs beyond a plain one; and how much of each frame a sliced call takes."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import _game, _models

# How much later than in the idle scene the slowest frame of a hundred may come, milliseconds.
FRAME_REACH = 1.0
# How much longer than its budget the slices of the longest frame of a hundred may take, milliseconds.
SLICE_REACH = 1.0
# What an asynchronous call may cost beyond a plain one, microseconds.
ASYNC_REACH = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--seconds", type=float, default=10, help="per phase and turn")
    parser.add_argument("--model", default="minilm_long", choices=list(_models.MODELS), help="what runs without pause")
    parser.add_argument(
        "--sliced", default="minilm_sliced", choices=[*_models.MODELS, *_models.SLICED], help="what runs in slices"
    )
    options = parser.parse_args()
    folder = _models.ensure()
    with tempfile.TemporaryDirectory() as temporary:
        game = _game.make(Path(temporary), "frames_game.gd")
        numbers = {}
        cores = os.cpu_count() or 1
        for name, threads in (("all cores but one", max(1, cores - 1)), ("all cores", cores)):
            models = [str(folder / f"{model}.pte") for model in (options.model, "mlp", options.sliced)]
            words = [*models, str(options.seconds), str(threads)]
            numbers[name] = game.run(game.release or game.editor, words)
            print_table(options.model, name, numbers[name])
            print_slices(options.sliced, numbers[name]["slices"])
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


def print_table(model: str, threads: str, numbers: dict[str, Any]) -> None:
    print(
        f"\n{model} without pause on a worker thread, {numbers['model_ms']:.1f} ms a call; 60 frames a second asked for"
    )
    print(f"  {'':<26} {'p50':>8} {'p99':>8} {'max':>8}   ms")
    for what in ("interval", "work"):
        for phase in ("idle", "model"):
            row = numbers[phase][what]
            name = f"frame {what}, {phase}"
            print(f"  {name:<26} {row['p50']:>8.2f} {row['p99']:>8.2f} {row['max']:>8.2f}")
    for what in ("interval", "work"):
        later = numbers["model"][what]["p99"] - numbers["idle"][what]["p99"]
        reached = "yes" if later <= FRAME_REACH else "NO"
        print(f"  p99 of the frame's {what}: {later:+.2f} ms   reach {FRAME_REACH:.1f}: {reached}")
    times = numbers["async"]
    more = times["queued"] - times["plain"]
    reached = "yes" if more <= ASYNC_REACH else "NO"
    print(f"\nasynchronous calls of the MLP: {times['plain']:.1f} us a plain call, {times['queued']:.1f} us queued")
    print(f"  {more:+.1f} us a call   reach {ASYNC_REACH:.0f}: {reached}")
    print(
        f"  one at a time, with its way through the frame loop: {times['alone'] - times['plain']:+.1f} us", flush=True
    )


def print_slices(model: str, rows: list[dict[str, Any]]) -> None:
    print(f"\n{model} in slices, {rows[0]['whole_ms']:.1f} ms a call; milliseconds of the frames' slices")
    for row in rows:
        reached = "yes" if row["p99"] <= row["budget"] + SLICE_REACH else "NO"
        equal = "equal to whole calls" if row["equal"] else "NOT EQUAL to whole calls"
        print(
            f"  budget {row['budget']:.1f}: p50 {row['p50']:.2f}, p99 {row['p99']:.2f}, max {row['max']:.2f}; "
            f"{row['frames'] / row['calls']:.1f} frames a call, {equal}   reach {SLICE_REACH:.1f}: {reached}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
