"""What grows how: sessions of one model, sizes of programs, and models in a project whose cache is full."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import _game, _models

ROOT = Path(__file__).resolve().parent.parent
SESSIONS = (1, 4, 16, 64)
MEGABYTES = (1, 16, 256, 1024)
PROJECTS = (1, 10, 100, 1000)
WIDTH = 4096
PROJECT = """config_version=5

[application]

config/name="growth"

[editor_plugins]

enabled=PackedStringArray("res://addons/executorch/plugin.cfg")

[executorch]

import/cache_path="{cache}"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--parts", nargs="+", default=["sessions", "sizes", "projects"], help="what to measure")
    parser.add_argument("--most-megabytes", type=int, default=MEGABYTES[-1], help="of the largest program")
    options = parser.parse_args()
    numbers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        game = _game.make(folder / "game", "growth_game.gd") if options.parts != ["projects"] else None
        if game is not None and "sessions" in options.parts:
            numbers["sessions"] = measure_sessions(game)
        if game is not None and "sizes" in options.parts:
            numbers["sizes"] = measure_sizes(game, folder, options.most_megabytes)
        if "projects" in options.parts:
            numbers["projects"] = measure_projects(folder)
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


def measure_sessions(game: _game.Game) -> dict[str, dict[str, float]]:
    """Further sessions of the convnet, one process for each number of them."""
    model = str(_models.ensure() / "convnet.pte")
    print("\nfurther sessions   load and first call   memory   a call of each")
    found = {}
    for count in SESSIONS:
        one = game.run(game.release or game.editor, ["sessions", model, str(count)])
        found[str(count)] = one
        print(
            f"{count:16d} {one['load_ms'] / count:14.2f} ms each {one['kilobytes'] / count:6.0f} KB"
            f" {one['call_ms'] / count:9.2f} ms each"
        )
    return found


def measure_sizes(game: _game.Game, folder: Path, most: int) -> dict[str, Any]:
    """Programs of one or more linear layers: with packed weights in memory, and in a file from the second start on."""
    print("\nprogram    packed weights   load   first call   later calls   private memory")
    found: dict[str, Any] = {}
    for megabytes in (size for size in MEGABYTES if size <= most):
        program = folder / f"{megabytes}.pte"
        subprocess.run([sys.executable, "-m", "benchmarks.growth", "--make", str(megabytes), str(program)], check=True)
        for place, limit, starts in (("in memory", 0, 1), ("new file", 1 << 34, 1), ("file", 1 << 34, 3)):
            for _ in range(starts):
                one = game.run(game.release or game.editor, ["load", str(program), str(limit)])
                time.sleep(3)  # until the file counts as unchanged
            found[f"{megabytes} MB, {place}"] = one
            print(
                f"{megabytes:5d} MB {place:>15s} {one['load_ms']:8.1f} ms {one['first_ms']:8.1f} ms"
                f" {one['call_ms']:8.2f} ms {one['kilobytes'] / 1024:10.1f} MB"
            )
        program.unlink()
    return found


def measure_projects(folder: Path) -> dict[str, dict[str, float]]:
    """Projects with copies of one model, of which the cache has the artifact: the first opening, and the second."""
    source = ROOT / "sample_project" / "models" / "linear_regression.pt"
    cache = folder / "cache"
    print("\nmodels   import out of a full cache   open again")
    open_project(folder / "filling", source, 1, cache)
    found = {}
    empty = open_project(folder / "empty", source, 0, cache)
    for count in PROJECTS:
        first, second = open_project(folder / str(count), source, count, cache)
        found[str(count)] = {"import_ms": (first - empty[0]) * 1e3, "open_ms": (second - empty[1]) * 1e3}
        print(
            f"{count:6d} {(first - empty[0]) * 1e3 / count:20.1f} ms each"
            f" {(second - empty[1]) * 1e3 / count:14.1f} ms each"
        )
    return found


def open_project(project: Path, source: Path, count: int, cache: Path) -> tuple[float, float]:
    """Seconds that the editor takes to import a project and, in another process, to open it again."""
    (project / "addons").mkdir(parents=True)
    (project / "addons" / "executorch").symlink_to(ROOT / "addons" / "executorch")
    (project / "project.godot").write_text(PROJECT.format(cache=cache), encoding="utf-8")
    for number in range(count):
        shutil.copy(source, project / f"model_{number}.pt")
    data = str(project.parent / "data")
    environment = {**os.environ, "XDG_DATA_HOME": data, "XDG_CONFIG_HOME": data, "XDG_CACHE_HOME": data}
    environment["EXECUTORCH_PYTHON"] = sys.executable
    command = [os.environ.get("GODOT", "godot"), "--headless", "--path", str(project), "--import"]
    times = []
    for _ in range(2):
        begun = time.monotonic()
        subprocess.run(command, env=environment, capture_output=True, timeout=1200, check=True)
        times.append(time.monotonic() - begun)
    return times[0], times[1]


def make_program(megabytes: int, path: Path) -> None:
    """Linear layers with so many megabytes of weights, lowered for XNNPACK."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    width = min(WIDTH, int((megabytes * (1 << 20) / 4) ** 0.5))
    layers = max(1, megabytes * (1 << 20) // (4 * width * width))
    with torch.no_grad():
        network = torch.nn.Sequential(*(torch.nn.Linear(width, width) for _ in range(layers))).eval()
        exported = torch.export.export(network, (torch.ones(1, width),))
        program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    with path.open("wb") as file:
        program.write_to_file(file)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make_program(int(sys.argv[2]), Path(sys.argv[3]))
        sys.exit(0)
    sys.exit(main())
