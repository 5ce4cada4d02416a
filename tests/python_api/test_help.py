"""`--help` of every command explains every argument, with its default."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from godot_executorch.command import _BACKEND, _IMPORTER, main
from importer.__main__ import main as run_importer

ROOT = Path(__file__).parents[2]
OTHER = {"cache": ("list", "prune", "verify", "key")}
COMMANDS = [
    *((name,) for name in (*_IMPORTER, *_BACKEND) if name not in OTHER),
    *((name, action) for name, actions in OTHER.items() for action in actions),
]
_ENTRY = re.compile(
    r"^  (?:-\w[^,\n]*, )?(--[\w-]+)((?: (?!  )[^\n]*?)?)(?:\n {10,}|  +)(.*?)(?=^  \S|\n\n|\Z)", re.M | re.S
)


def helped(command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    try:
        status: Any = main([*command, "--help"])
    except SystemExit as end:
        status = end.code
    assert not status
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_option_has_words_and_a_default(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = helped(command, capsys, monkeypatch)
    assert text.startswith(f"usage: godot-executorch {' '.join(command)}"), text[:200]
    options = {name: (takes.strip(), " ".join(words.split())) for name, takes, words in _ENTRY.findall(text)}
    usage = text.partition("\n\n")[0]
    for name in set(re.findall(r"(--[\w-]+)", usage)):
        takes, words = options[name]
        assert len(words) > 8, f"{name} is not explained"
        is_required = f"[{name}" not in usage and f"| {name}" not in usage
        assert not takes or is_required or "(default: " in words, f"{name}: {words}"


def test_the_command_has_what_the_importer_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_importer(["--help"])
    (names,) = re.findall(r"^  \{([\w,]+)\}$", capsys.readouterr().out, re.M)
    assert set(names.split(",")) == set(_IMPORTER)


def test_the_command_and_an_import_do_not_load_torch(tmp_path: Path) -> None:
    script = (
        "import sys, godot_executorch as ge; from godot_executorch.command import main; main(['--version']); "
        "main(['cache', 'list', '--cache', sys.argv[1]]); assert 'torch' not in sys.modules; "
        "assert callable(ge.convert) and not hasattr(ge, 'nothing') and 'torch' in sys.modules; "
        "from godot_executorch import *; assert all(name in globals() for name in ge.__all__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
