"""docs/importer.md: its files can be made, its commands run, its tables are what the code has."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from importer import recipes
from importer.options import RECIPES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "importer.md").read_text(encoding="utf-8")


def run(words: list[str], folder: Path) -> str:
    homes = {name: str(folder / "home") for name in ("XDG_CACHE_HOME", "LOCALAPPDATA")}
    environment = {**os.environ, **homes, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_examples_of_the_documentation(tmp_path: Path) -> None:
    for name, code in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(code, encoding="utf-8")
    run(["make_models.py"], tmp_path)
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    printed = [run(shlex.split(line, comments=True)[1:], tmp_path) for line in commands.splitlines() if line[:1] == "p"]
    first, second, inspected, compared, listed = printed
    assert "digits.pt2" in first and "xnnpack_fp32" in first
    assert "xnnpack_int8_static" in second and "input" in inspected and compared
    assert "digits" in listed and "trained" in listed
    assert {path.suffix for path in (tmp_path / "programs").iterdir()} == {".pte", ".tres"}


def test_the_table_of_recipes() -> None:
    found = dict(re.findall(r"^\| `(\w+)` \| .*? \| ([\d.]+) \|$", PAGE, re.MULTILINE))
    assert tuple(found) == RECIPES
    for name in RECIPES[1:]:
        assert float(found[name]) == recipes.get(name).relative
