"""The benchmarks: each module of benchmarks/ prints its table with ratios from one run."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from itertools import takewhile
from pathlib import Path
from typing import Any

from tasks import environment, project
from tasks.console import ROOT, StepFailed


def run_benchmarks(arguments: list[str]) -> int:
    """Run all benchmarks or the named ones; `--json FILE` keeps the numbers. Returns the exit status.

    Options after a single name are that benchmark's own.
    """
    known = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    named = list(takewhile(lambda word: not word.startswith("-"), arguments))
    parser = argparse.ArgumentParser(
        prog="dev.py bench",
        usage="dev.py bench [NAME ...] [--json FILE] [OPTION ...]",
        description=f"NAME: {', '.join(known)} (all when none is named). After one name, its own options may follow.",
        add_help=not named,
    )
    parser.add_argument("--json", type=Path, help="keep the numbers in this file")
    options, further = parser.parse_known_args(arguments[len(named) :])
    names = named or known
    unknown = [name for name in names if name not in known]
    if unknown:
        raise StepFailed(f"no benchmark is called {', '.join(unknown)}", f"choose from: {', '.join(known)}")
    if further and len(named) != 1:
        raise StepFailed(
            f"the words {' '.join(further)} belong to no single benchmark", "name one first, then its options"
        )
    found = project.ensure_ready()
    numbers: dict[str, Any] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "numbers.json"
            command: list[str | Path] = [environment.PYTHON, "-m", f"benchmarks.{name}", "--json", result, *further]
            status = subprocess.call(command, cwd=ROOT, env={**os.environ, "GODOT": str(found.program)})
            if status != 0:
                raise StepFailed(f"the benchmark {name} ended with status {status}")
            if result.exists():  # not when the options ask for help
                numbers[name] = json.loads(result.read_text(encoding="utf-8"))
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0
