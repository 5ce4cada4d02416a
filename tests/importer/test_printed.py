"""What the command line prints: JSON for every error, the log, whole lines in a pipe, any locale."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from importer.cli.output import error_text
from importer.errors import ImporterError
from importer.jobs.tail import Tail
from tests import json_output

ROOT = Path(__file__).parents[2]


def printed(*words: object, module: str = "importer", **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, words)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, env=environment)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("importer", ["inspect", "none.pte"]),
        ("importer", ["compare", "none.pte", "none.pte"]),
        ("importer", ["convert", "none.pt"]),
        ("importer", ["convert", "a/x.pt", "b/x.pt", "-o", "out"]),
        ("importer", ["convert", "none.pt", "-o", "out", "--recipe", "best"]),
        ("importer", ["convert", "none.pt", "-o", "out", "--group-size", "many"]),
        ("importer", ["convert", "none.pt", "-o", "out", "--inputs", "x: float[1]"]),
        ("importer", ["cache", "list", "--cache", "nothing://none"]),
        ("python_backend", ["profile", "none.pte"]),
        ("python_backend", ["profile", "none.pte", "--runs", "-3"]),
        ("python_backend", ["profile", "none.pte", "--runs", "some"]),
    ],
)
def test_every_error_is_json(module: str, words: list[str], tmp_path: Path) -> None:
    done = printed(*words, "--json", module=module)
    found = json_output.read(done.stdout, "error")
    assert done.returncode
    error = found["error"]
    assert error["code"].isupper() and error["code"] != "INTERNAL_ERROR" and error["cause"] and error["remedy"]


def test_the_end_of_the_log_stands_below_the_remedy() -> None:
    error = ImporterError(
        "PROGRAM_FAILED", "Cause.", "Remedy.", log="\n".join(f"line {number}" for number in range(99))
    )
    text = error_text(error)
    assert text.startswith("Cause.\n  Remedy.\n") and text.endswith("    line 98") and "line 50" not in text
    assert "the last 30 of 99 lines" in text and "log" not in error_text(ImporterError("X", "Cause.", "Remedy."))


@pytest.mark.slow
def test_nothing_is_cut_in_a_pipe(models: Path, tmp_path: Path) -> None:
    name = f"a_{'very_' * 20}long_name"
    (tmp_path / f"{name}.pt2").write_bytes(
        (models / "noise.pt").read_bytes() if (models / "noise.pt").exists() else b"?"
    )
    (tmp_path / f"{name}_program.pte").write_bytes((models / "linear_portable.pte").read_bytes())
    sources = sorted(tmp_path.glob("*.pt*"))
    done = printed("convert", *sources, "-o", tmp_path / "out", "--cache", tmp_path / "cache", COLUMNS="40")
    assert "…" not in done.stdout and "NOT_A_MODEL" in done.stdout
    assert any(line.startswith(f"{name}.pt2: {name}.pt2 is") for line in done.stdout.splitlines())
    stages = [line.split(": ")[1].split()[0] for line in done.stderr.splitlines() if line.startswith(f"{name}_program")]
    assert len(stages) == len(set(stages)) > 3  # one line a stage
    shown = printed("inspect", tmp_path / f"{name}_program.pte", COLUMNS="20")
    assert name in shown.stdout and "…" not in shown.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locales")
def test_names_in_any_language_in_an_ascii_locale(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    folder = tmp_path / "Modèle_模型"
    folder.mkdir()
    save_file({"größe.weight": torch.eye(2), "größe.bias": torch.zeros(2)}, folder / "gewichte_é.safetensors")
    (folder / "netz_ü.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Netz(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.add_module('größe', nn.Linear(2, 2))\n\n"
        "    def forward(self, x):\n        return self.größe(x)\n",
        encoding="utf-8",
    )
    words = ["convert", folder / "gewichte_é.safetensors", "-o", folder / "out", "--cache", folder / "cache", "--json"]
    words += ["--factory", folder / "netz_ü.py:Netz", "--inputs", "x: float32[1,2]", "--recipe", "portable"]
    done = printed(*words, LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json_output.read(done.stdout, "convert")["files"]
    assert found["metadata"]["name"] == "gewichte_é" and (folder / "out" / "gewichte_é.pte").exists()
    missing = printed("inspect", folder / "fehlt_ß.pte", LC_ALL="C", PYTHONUTF8="0")
    assert missing.returncode > 1 and "Traceback" not in missing.stderr and "fehlt_ß.pte" in missing.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_names_that_the_streams_encoding_lacks(encoding: str, tmp_path: Path) -> None:
    for words in (["inspect"], ["inspect", "--json"]):
        missing = printed(*words, tmp_path / "fehlt_模型.pte", PYTHONIOENCODING=encoding)
        text = missing.stdout + missing.stderr
        assert missing.returncode > 1 and "Traceback" not in text and "\\u6a21\\u578b" in text, text


def test_what_a_library_prints_at_each_load_is_no_log() -> None:
    tail = Tail()
    tail.write(b"[cpuinfo_utils.cpp:71] Reading file /sys/x\nof the model\n")
    tail.write(b"[cpuinfo_utils.cpp:125] CPU info and manual query on # of cpus dont match.\nTypeError: x")
    assert tail.text() == "of the model\nTypeError: x"
