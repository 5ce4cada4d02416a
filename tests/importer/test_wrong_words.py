"""What the command line says of wrong words, and of options that change nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from godot_executorch.command import main
from tests import json_output
from tests.importer.test_command_line import importer


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["convrt", "x.pt2"], "Did you mean convert?"),
        (["convert", "x.pt2", "-o", "out", "--recpie", "auto"], "Did you mean --recipe?"),
        (["convert", "x.pt2", "-o", "out", "--recipe", "xnnpack_int8"], "Did you mean xnnpack_int8_"),
        (["convert", "x.pt2", "-o", "out", "--name", "y"], "write -o NAME.pte"),
        (["cache", "lst"], "Did you mean list?"),
        (["compare", "a.pte", "b.pte", "--metrics", "top1"], "Did you mean --metric?"),
        (["convert", "x.pt2", "-o", "out", "--nothing-like-it", "y"], "unrecognized arguments: --nothing-like-it y"),
    ],
)
def test_a_mistyped_word(words: list[str], told: str) -> None:
    done = importer(*words)
    assert done.returncode == 2 and told in done.stderr, done.stderr
    assert "nothing" not in told or "Did you mean" not in done.stderr
    done = importer(*words, "--json")
    assert told in json_output.read(done.stdout, "error")["error"]["cause"]


def test_a_mistyped_command_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["proflie", "net.pte"]) == 2
    assert "There is no command 'proflie'. Did you mean profile?" in capsys.readouterr().err
    assert main(["proflie", "net.pte", "--json"]) == 2
    assert "Did you mean profile?" in json_output.read(capsys.readouterr().out, "error")["error"]["cause"]


def test_a_file_where_the_folder_for_programs_is_meant(models: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    for place in (tmp_path / "out", tmp_path / "out" / "below", tmp_path / "out" / "net.pte"):
        done = importer("convert", models / "counter.pte", "-o", place, "--cache", tmp_path / "cache", "--json")
        error = json_output.read(done.stdout, "error")["error"]
        assert done.returncode == 2 and error["code"] == "OPTION_INVALID" and "NAME.pte" in error["remedy"]
        assert f"{tmp_path / 'out'} is a file" in error["cause"]


def test_options_that_a_finished_program_cannot_have(models: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "test.npz", allow_pickle=False, x=np.zeros((4, 1)), target=np.zeros((4, 1)))
    words = ["convert", models / "counter.pte", "-o", tmp_path / "out", "--cache", tmp_path / "cache", "--json"]
    done = importer(*words, "--evaluate", tmp_path / "test.npz")
    error = json_output.read(done.stdout, "convert")["files"][0]["error"]
    assert done.returncode == 2 and "evaluate counter.pte --inputs" in error["remedy"]
    done = importer(*words, "--recipe", "xnnpack_int8_static", "--variants", "portable")
    notes = json_output.read(done.stdout, "convert")["files"][0]["metadata"]["notes"]
    assert any(note.endswith("cannot be lowered again: the options 'recipe', 'variants'.") for note in notes), notes


def test_programs_of_one_source_have_titles_of_their_own(models: Path, tmp_path: Path) -> None:
    shutil.copy(models / "counter.pte", tmp_path / "net.pte")
    text = '[[models]]\nsource = "net.pte"\nname = "a"\n[[models]]\nsource = "net.pte"\nname = "b"\n'
    (tmp_path / "models.toml").write_text(text, encoding="utf-8")
    done = importer("convert", "--config", tmp_path / "models.toml", "--cache", tmp_path / "cache")
    assert done.returncode == 0 and "net.pte (a.pte)" in done.stdout and "net.pte (b.pte)" in done.stdout, done.stdout
    assert "net.pte (a.pte): " in done.stderr
