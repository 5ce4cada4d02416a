"""`python -m tests.attacks.fuzz.run TARGET SECONDS FINDS`: fuzz one target; what it finds is left in the folder FINDS.

Ends with status 0 when nothing was found. `python -m tests.attacks.fuzz.run TARGET FILE` runs one input again.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import atheris

from tests.attacks.fuzz.targets import TARGETS

INPUT_SECONDS, MEMORY_MEGABYTES = 10, 2048


def main() -> None:
    name, *rest = sys.argv[1:]
    target = TARGETS[name]
    if len(rest) == 1:
        target.run(Path(rest[0]).read_bytes())
        return
    seconds, finds = int(rest[0]), Path(rest[1])
    finds.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=list(target.modules)):
        for module in target.modules:
            importlib.import_module(module)
        seeds = list(target.seeds())
        for seed in seeds:  # what a target imports when it runs is imported, and so watched, now
            target.run(seed)
    with tempfile.TemporaryDirectory() as corpus:
        for index, seed in enumerate(seeds):
            (Path(corpus) / str(index)).write_bytes(seed)
        arguments = [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-max_len={target.longest}",
            f"-timeout={INPUT_SECONDS}",
            f"-rss_limit_mb={MEMORY_MEGABYTES}",
            f"-artifact_prefix={finds}/{name}-",
            "-print_final_stats=1",
            corpus,
        ]
        atheris.Setup(arguments, target.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
