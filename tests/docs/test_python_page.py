"""The scripts of README.md and docs/python.md run as they stand, and its list of models can be read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from importer.cli import models_file

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```python\n(.*?)```", README + PAGE, re.DOTALL)


FIRST = (0, 1, 2)
"""The scripts that a reader meets first; the others convert for longer."""


@pytest.mark.parametrize(
    "index", [index if index in FIRST else pytest.param(index, marks=pytest.mark.slow) for index in range(len(SCRIPTS))]
)
def test_script(index: int, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPTS[index], encoding="utf-8")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0 and re.search(r"\d", done.stdout), done.stderr[-2000:]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="--config needs Python 3.11")
def test_the_list_of_models(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "models.toml").write_text(text, encoding="utf-8")
    (tmp_path / "net.py").touch()
    (tmp_path / "images").mkdir()
    work = models_file.read(tmp_path / "models.toml", None)
    assert [item.target.name for item in work] == ["digits.pte", "policy_small.pte"]
    assert [item.options.recipe for item in work] == ["xnnpack_int8_static", "auto"]
