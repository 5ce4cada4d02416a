"""Every command of the pages has words that its program knows, and those that end by themselves run.

The commands of importer.md run in test_importer_page.py. Not run here: `setup` and `dev.py` (minutes; their tests are
tests/python_backend/test_environment_setup.py and tests/project), and `mcp`, which serves until it is ended.
"""

from __future__ import annotations

import fnmatch
import itertools
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import dev
from tests.docs.pages import PAGES, blocks, prose
from tests.godot_projects import ROOT

RUN = ("doctor", "profile")
PYTHON_COMMAND = ("-c", "import sys; from godot_executorch.command import main; sys.exit(main())")


def commands() -> list[str]:
    """Each command of a fenced block or of inline code, continued lines joined, without its comment."""
    found: dict[str, None] = {}
    texts = [block.text.replace("\n    ", " ") for block in blocks("sh", "")]
    texts += ["\n".join(re.findall(r"`([^`]+)`", " ".join(prose(page).split("\n")))) for page in PAGES]
    for text in texts:
        for line in text.splitlines():
            if re.match(r"python3 (dev\.py|-m \w)|(build/native/tests/)?core_tests |godot-executorch \w", line):
                found[re.sub(r"\s+#.*$", "", line).strip().removeprefix("build/native/tests/")] = None
    return list(found)


def words_of(command: str) -> list[str]:
    """The words, without the brackets around optional ones."""
    return shlex.split(command.replace("[", "").replace("]", ""))


@cache
def help_of(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def unknown_flags(words: list[str], help_text: str) -> list[str]:
    flags = [word for word in words if word.startswith("--")]
    return [flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", help_text)]


@pytest.mark.parametrize("command", commands())
def test_the_program_knows_the_words(command: str) -> None:
    words = words_of(command)
    if words[0] == "core_tests":
        assert "add_executable(core_tests " in (ROOT / "native" / "tests" / "CMakeLists.txt").read_text(
            encoding="utf-8"
        )
        pattern = next(word for word in words if word.startswith("-tc=")).removeprefix("-tc=")
        sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "native" / "tests").rglob("*.cpp"))
        names = re.findall(r'TEST_CASE\("([^"]+)"', sources)
        assert any(fnmatch.fnmatch(name, pattern) for name in names)
    elif words[1] == "dev.py":
        name, rest = words[2], words[3:]
        assert name in dev.COMMANDS
        if name == "test":
            assert [word for word in rest if "/" in word and not (ROOT / word).exists()] == []
        elif name == "bench":
            assert [word for word in rest if not (ROOT / "benchmarks" / f"{word}.py").exists()] == []
        elif name == "shots":
            assert unknown_flags(rest, help_of("-m", "tests.pictures")) == []
            scripts = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "pictures").glob("*.gd"))
            named = [word for word in rest if re.match(r"(check|measure)_", word)]
            assert [word for word in named if f"func {word}(" not in scripts] == []
    else:
        program, rest = (PYTHON_COMMAND, words[1:]) if words[0] == "godot-executorch" else (("-m", words[2]), words[3:])
        plain = list(itertools.takewhile(lambda word: not word.startswith("-"), rest))
        assert unknown_flags(rest, help_of(*program, *plain)) == []


def test_the_pages_have_commands() -> None:
    found = " ".join(commands())
    assert len(commands()) > 20
    for part in (
        "dev.py demo",
        "dev.py test",
        "importer convert",
        "python_backend profile",
        "core_tests",
        "godot-executorch compare",
    ):
        assert part in found


@pytest.mark.parametrize("command", [item for item in commands() if words_of(item)[3:4] and words_of(item)[3] in RUN])
def test_what_ends_by_itself_runs(command: str, models: Path, tmp_path: Path) -> None:
    words = [word for word in words_of(command)[1:] if word != "N"]
    if "MODEL.pte" in words:
        return  # a synopsis
    for word in words:
        if word.endswith(".pte"):
            (tmp_path / word).parent.mkdir(exist_ok=True)
            shutil.copy(models / "linear_xnnpack.pte", tmp_path / word)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # 3: a condition of --fail-if holds, as it may for this model.
    assert done.returncode in ((0, 3) if "--fail-if" in words else (0,)), f"{done.stdout}\n{done.stderr}"
    for flag in ("--html", "--etdump"):
        if flag in words:
            assert (tmp_path / words[words.index(flag) + 1]).stat().st_size > 0
