"""How long a game takes to load a large program out of a PCK and out of a ZIP."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import _game, _models


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    parser.add_argument("--model", default="minilm", choices=list(_models.MODELS))
    options = parser.parse_args()
    folder = _models.ensure()
    with tempfile.TemporaryDirectory() as temporary:
        game = _game.make(Path(temporary), "packs_game.gd")
        numbers = game.run(game.release or game.editor, [str(folder / f"{options.model}.pte"), temporary])
    print(f"\n{options.model}, {numbers['bytes'] / 1e6:.1f} MB")
    for place in ("pck", "zip"):
        load, read = numbers[place], numbers[f"{place}_read"]
        ratios = f"{load / numbers['pck']:.2f} x PCK, {load / read:.2f} x reading the file once"
        print(f"  {place:<5} {load:>9.1f} ms, {ratios}")
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
