"""What the profiler costs a game with 4 models at 60 calls a second.

The game is run by the editor's build with a debugger connected, as an editor starts it: time spent in the telemetry as
a share of the frame's budget. Then it is exported with the release template, with the addon's sessions (which start
telemetry when a debugger is connected) and with the native class alone: there nothing may be left.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from benchmarks import _game, _models

BUDGET = 0.005
TURNS = 5
"""How often the two release games take turns; the medians are printed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    numbers = measure(options.seconds)
    watched, bare = numbers["watched"], numbers["not watched"]
    print(f"4 models x 60 calls/s, {watched['frames']} frames, {watched['calls']} calls")
    print("started by an editor (its build of Godot, a debugger connected)")
    print(f"  telemetry, main thread   {watched['spent_us'] / watched['frames']:8.1f} us a frame")
    print(f"                           {watched['share']:8.3%} of a 60 Hz frame (allowed {BUDGET:.1%})")
    print(f"  sent to the editor       {watched['bytes'] / options.seconds / 1024:8.1f} KiB/s")
    for name, figures in (("sessions, watched", watched), ("modules, not watched", bare)):
        print(f"  {name:24} {as_text(figures)}")
    release = numbers["release"]
    if release is None:
        print("release export: not measured, this Godot has no export template of ours")
    else:
        print(f"release export, medians of {TURNS} turns of {release['seconds']:.0f} s")
        for name in ("sessions", "modules"):
            print(f"  {name:24} {as_text(release[name])}")
        loaded = "loaded" if release["sessions"]["loaded"] else "not even loaded"
        print(f"  the script of the telemetry is {loaded}")
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    silent = release is None or not release["sessions"]["loaded"]
    return 0 if watched["share"] <= BUDGET and silent else 1


def as_text(figures: dict[str, Any]) -> str:
    """A game's processor time in words."""
    return f"{figures['main_thread_us']:8.1f} us a frame on the main thread, {figures['processor_us']:.1f} us on all"


def measure(seconds: float) -> dict[str, Any]:
    """`{watched, not watched, release: {sessions, modules} or None}`."""
    model = _models.ensure() / "linear.pte"
    with tempfile.TemporaryDirectory(prefix="executorch-bench-") as temporary:
        game = _game.make(Path(temporary), "profiler_game.gd")
        numbers: dict[str, Any] = {
            "watched": with_debugger(game, model, "sessions", seconds),
            "not watched": with_debugger(game, model, "modules", seconds),
            "release": None,
        }
        if game.release is not None:
            numbers["release"] = in_release(game, game.release, model, seconds / 2)
    return numbers


def with_debugger(game: _game.Game, model: Path, mode: str, seconds: float) -> dict[str, Any]:
    """One run of the game by the editor's build; its figures and the bytes that its debugger got."""
    received = [0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drain, args=(server, received), daemon=True).start()
        command = [*game.editor, "--remote-debug", f"tcp://127.0.0.1:{server.getsockname()[1]}"]
        figures = game.run(command, [str(model), mode, str(seconds)])
    figures["bytes"] = received[0]
    figures["share"] = figures["spent_us"] / figures["frames"] / (1e6 / 60.0)
    return figures


def in_release(game: _game.Game, command: list[str], model: Path, seconds: float) -> dict[str, Any]:
    """The exported game with sessions and with modules, in turns."""
    runs: dict[str, list[dict[str, Any]]] = {"sessions": [], "modules": []}
    for _ in range(TURNS):
        for mode, found in runs.items():
            found.append(game.run(command, [str(model), mode, str(seconds)]))
    medians = {
        mode: {
            "loaded": any(run["loaded"] for run in found),
            **{name: statistics.median(run[name] for run in found) for name in ("main_thread_us", "processor_us")},
        }
        for mode, found in runs.items()
    }
    return {"seconds": seconds, **medians}


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
