"""What the profiler's telemetry costs a game: 4 models, 60 calls a second each, a debugger connected.

Two figures: the time spent in the telemetry itself as a share of the frame's budget, and the processor time of the
whole process with telemetry against without. Without a debugger, as in every release export, nothing is started at all.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from tasks import godot as godot_task
from tests import godot_projects, model_sources

ROOT = Path(__file__).resolve().parent.parent
GAME = Path(__file__).with_name("profiler_game.gd")
BUDGET = 0.005


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    numbers = measure(options.seconds)
    watched, bare, alone = numbers["watched"], numbers["not watched"], numbers["no debugger"]
    print(f"4 models x 60 calls/s, {watched['frames']} frames, {watched['calls']} calls")
    print(f"  telemetry, main thread   {watched['spent_us'] / watched['frames']:8.1f} us a frame")
    print(f"                           {watched['share']:8.3%} of a 60 Hz frame (allowed {BUDGET:.1%})")
    print(f"  sent to the editor       {watched['bytes'] / options.seconds / 1024:8.1f} KiB/s")
    print(f"  processor, watched       {watched['processor_us'] / watched['frames']:8.1f} us a frame")
    print(f"  processor, not watched   {bare['processor_us'] / bare['frames']:8.1f} us a frame")
    print(f"  without a debugger       telemetry {'started' if alone['started'] else 'is not started'}")
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0 if watched["share"] <= BUDGET and not alone["started"] else 1


def measure(seconds: float) -> dict[str, Any]:
    """`{mode: figures}` for the modes watched, not watched and no debugger."""
    models = model_sources.ensure()
    with tempfile.TemporaryDirectory(prefix="executorch-bench-") as temporary:
        project = godot_projects.make(Path(temporary) / "project", godot_task.ensure().program)
        (project.path / "game.gd").write_text(GAME.read_text(encoding="utf-8"), encoding="utf-8")
        # The list of classes and native extensions is made when a project is first opened.
        project.import_all()
        numbers: dict[str, Any] = {}
        for mode in ("watched", "not watched", "no debugger"):
            numbers[mode] = run_game(project, models / "linear_xnnpack.pte", mode, seconds)
    return numbers


def run_game(project: godot_projects.GodotProject, model: Path, mode: str, seconds: float) -> dict[str, Any]:
    """One run of the game; its own figures and the bytes that its debugger got."""
    received = [0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drain, args=(server, received), daemon=True)
        thread.start()
        debugger = () if mode == "no debugger" else ("--remote-debug", f"tcp://127.0.0.1:{server.getsockname()[1]}")
        watch = "bare" if mode == "not watched" else "watch"
        result = project.path / "figures.json"
        run = project.run(
            *debugger, "-s", "res://game.gd", "--", model, watch, str(seconds), result, timeout=seconds + 60
        )
        if not result.exists():
            sys.exit(f"the game wrote no figures:\n{run.output}")
    figures: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    result.unlink()
    figures["bytes"] = received[0]
    figures["share"] = figures["spent_us"] / figures["frames"] / (1e6 / 60.0)
    return figures


def drain(server: socket.socket, received: list[int]) -> None:
    """Reads what a game sends to its debugger, and throws it away."""
    try:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(1 << 16):
                received[0] += len(data)
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main())
