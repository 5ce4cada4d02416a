"""`convert --config models.toml`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests import json_output

ROOT = Path(__file__).parents[2]
_METRIC = "def score(outputs, target):\n    return -abs(outputs[0] - target).mean()\n"
_FACTORY = "from torch.nn import Linear\n\n\ndef build():\n    return Linear(1, 1)\n"
_MODELS = """[[models]]
source = "net.pth"
recipe = "portable"
factory = "net.py"
inputs = "input: float32[1,1]"
evaluate = "data/test.npz"
metric = "own.py:score"
"""


def importer(*words: object, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "importer", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


def test_models_of_one_file(models: Path, tmp_path: Path) -> None:
    for name in ("linear.pt", "counter.pte"):
        (tmp_path / name).write_bytes((models / name).read_bytes())
    config = tmp_path / "models.toml"
    config.write_text(
        '[defaults]\nrecipe = "portable"\n[[models]]\nsource = "linear.pt"\nname = "slow"\n'
        '[[models]]\nsource = "linear.pt"\nrecipe = "xnnpack_fp32"\n[[models]]\nsource = "counter.pte"\n',
        encoding="utf-8",
    )
    done = importer("convert", "--config", config, "--cache", tmp_path / "cache", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    slow, fast, counter = json_output.read(done.stdout, "convert")["files"]
    assert [slow["metadata"]["recipe"], fast["metadata"]["recipe"]] == ["portable", "xnnpack_fp32"]
    assert counter["metadata"]["recipe"] == "as_is"
    names = {path.name for path in (tmp_path / "build").glob("*.pte")}
    assert names == {"slow.pte", "linear.pte", "counter.pte"}
    one = importer("convert", tmp_path / "linear.pt", "-o", tmp_path / "other.pte", "--cache", tmp_path / "cache")
    assert one.returncode == 0 and (tmp_path / "other.tres").exists(), one.stderr
    for text, words in (
        ("[[models]]\n", "has no source"),
        ('[[models]]\nsource = "a.pt"\nreciep = "auto"\n', "reciep, which is not an import option"),
        ('[defaults]\nrecpe = "auto"\n[[models]]\nsource = "a.pt"\n', "[defaults] has recpe, which is not an import"),
        ('[[models]]\nsource = "a.pt"\nreciep = "auto"\n', "Did you mean recipe?"),
        ('[[models]]\nsource = "a.pt"\nrecipe = "fast"\n', "no recipe 'fast'"),
        ('[[models]]\nsource = "a.pt"\n[[models]]\nsource = "a.pth"\n', "would both become a.pte"),
        ('[[models]]\nsource = "a.pt"\nname = "../a"\n', "is not a file name"),
        ('[[models]]\nsource = "a.pt"\nname = "a\\nb"\n', "is not a file name"),
        ('output = "../elsewhere"\n[[models]]\nsource = "a.pt"\n', "is not a folder beside it"),
        (f'output = "{tmp_path.parent}"\n[[models]]\nsource = "a.pt"\n', "is not a folder beside it"),
        ('output = 3\n[[models]]\nsource = "a.pt"\n', "is not a folder beside it"),
        ("models = 3", "has no [[models]]"),
        ("[[", "does not describe models"),
    ):
        config.write_text(text, encoding="utf-8")
        refused = importer("convert", "--config", config)
        assert refused.returncode == 2 and words in refused.stderr, refused.stderr
        assert "Traceback" not in refused.stderr


def test_options_beside_a_file_of_models_are_refused(models: Path, tmp_path: Path) -> None:
    """They were ignored."""
    (tmp_path / "models.toml").write_text('[[models]]\nsource = "linear.pt"\n', encoding="utf-8")
    words = ["--recipe", "portable", "--group-size", "64", "--dynamic", "x[0]=1..2"]
    done = importer("convert", "--config", tmp_path / "models.toml", *words)
    assert done.returncode == 2 and "--recipe, --group-size, --dynamic and --config cannot be combined" in done.stderr
    assert "models.toml" in done.stderr and "[defaults]" in done.stderr


def test_what_is_committed_does_not_depend_on_folders(models: Path, tmp_path: Path) -> None:
    """The metadata and the .tres had the paths of the data as the working folder made them."""
    found: list[dict[str, bytes]] = []
    for place, start in ((tmp_path / "one", tmp_path / "one"), (tmp_path / "a" / "second place", tmp_path)):
        (place / "data").mkdir(parents=True)
        (place / "net.pth").write_bytes((models / "linear_state_dict.pth").read_bytes())
        for name, text in (("net.py", _FACTORY), ("own.py", _METRIC), ("models.toml", _MODELS)):
            (place / name).write_text(text, encoding="utf-8")
        np.savez(place / "data" / "test.npz", input=np.ones((3, 1), np.float32), target=np.ones((3, 1), np.float32))
        config = (place / "models.toml").relative_to(start)
        done = importer("convert", "--config", config, "--cache", tmp_path / "cache", "--json", folder=start)
        assert done.returncode == 0, done.stdout + done.stderr
        (only,) = json_output.read(done.stdout, "convert")["files"]
        assert only["cached"] == bool(found) and only["metadata"]["evaluation"]["metric"] == "own.py:score"
        written = (place / "build").iterdir()
        found.append({path.name: path.read_bytes() for path in written if "measured" not in path.name})
    assert len(found[0]) == 3 and found[0] == found[1]
