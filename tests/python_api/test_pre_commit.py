"""The hook of .pre-commit-hooks.yaml in a repository of models, run by pre-commit itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from godot_executorch.command import main
sys.exit(main())
"""


@pytest.fixture
def repository(models: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "game"
    folder.mkdir()
    (folder / "linear.pt").write_bytes((models / "linear.pt").read_bytes())
    (folder / "models.toml").write_text('[[models]]\nsource = "linear.pt"\nrecipe = "portable"\n', encoding="utf-8")
    _run(["git", "init", "-q"], folder, tmp_path)
    return folder


def test_a_commit_waits_for_the_programs(repository: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "godot-executorch").write_text(COMMAND, encoding="utf-8")
    (programs / "godot-executorch").chmod(0o755)
    hook = [sys.executable, "-m", "pre_commit", "try-repo", ROOT, "godot-executorch-models", "--all-files"]
    _run(["git", "add", "linear.pt", "models.toml"], repository, tmp_path)
    for _ in range(2):  # also when nothing is left to convert
        first = _run(hook, repository, tmp_path)
        assert first.returncode == 1 and "git does not have these programs yet" in first.stdout, first.stdout
        names = re.findall(r"^  .*build/(\S+)$", first.stdout, re.MULTILINE)
        assert names == ["linear.measured.json", "linear.metadata.json", "linear.pte", "linear.tres"]
    (repository / ".gitignore").write_text("*.measured.json\n", encoding="utf-8")
    (repository / "build" / "linear.notes").write_text("a person's own", encoding="utf-8")
    _run(["git", "add", "build/linear.pte", "build/linear.tres", "build/linear.metadata.json"], repository, tmp_path)
    added = _run(hook, repository, tmp_path)
    assert added.returncode == 0, added.stdout
    _run(["git", "add", "."], repository, tmp_path)
    (repository / "models.toml").write_text('[[models]]\nsource = "linear.pt"\n', encoding="utf-8")
    changed = _run(hook, repository, tmp_path)
    assert changed.returncode == 1 and "files were modified by this hook" in changed.stdout, changed.stdout
    _run(["git", "add", "models.toml", "build"], repository, tmp_path)
    assert _run(hook, repository, tmp_path).returncode == 0
    (repository / "linear.pt").write_text("no model", encoding="utf-8")
    refused = _run(hook, repository, tmp_path)
    assert refused.returncode == 1 and "NOT_A_MODEL" in refused.stdout, refused.stdout


def _run(command: list[str | Path], folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "HOME": str(home)}
    environment |= {"XDG_CACHE_HOME": str(home / "cache"), "PRE_COMMIT_HOME": str(home / "pre_commit")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_data_of_every_kind_starts_the_hook() -> None:
    (pattern,) = re.findall(
        r"^  files: (.*)$", (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"), re.MULTILINE
    )
    for name in ("a.npy", "b/c.npz", "d.PNG", "e.jpg", "e.jpeg", "f.webp", "net.onnx.data", "config.json", "words.txt"):
        assert re.search(pattern, name), name
