"""docs/importer.md: its table of recipes is what the code has, and its examples run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from importer.lowering import recipes
from importer.options import CHOOSING, RECIPES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "importer.md").read_text(encoding="utf-8")


def test_the_table_of_recipes() -> None:
    found = dict(re.findall(r"^\| `(\w+)` \| .*? \| ([\d.]+|as the recipe that is kept) \|$", PAGE, re.MULTILINE))
    assert tuple(found) == RECIPES
    for name in RECIPES[len(CHOOSING) :]:
        assert float(found[name]) == recipes.get(name).relative


def test_the_examples_run_as_they_stand(tmp_path: Path) -> None:
    """The page's two files, then its commands one after another, in a folder of their own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "user")}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    files = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
    assert set(files) == {"net.py", "make_models.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    run("make_models.py")
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    outputs = [run(*words[1:]) for words in commands if words]
    assert len(outputs) == 4 and "100%" in outputs[2]
    assert "trained" in outputs[3] and "digits" in outputs[3]
    written = {path.name for path in (tmp_path / "programs").iterdir()}
    suffixes = (".pte", ".tres", ".metadata.json", ".measured.json")
    assert written == {f"{name}{suffix}" for name in ("digits", "trained") for suffix in suffixes}
    # What the text names beside the block.
    (comparing,) = re.findall(r"`python3 -m importer (compare) A\.pte B\.pte`", PAGE)
    assert "difference" in run("-m", "importer", comparing, "programs/digits.pte", "programs/trained.pte")
