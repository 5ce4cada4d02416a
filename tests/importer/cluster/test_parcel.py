"""A conversion goes to another machine with all of its files, here to another folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from importer.cache.cache import Cache
from importer.errors import ImporterError
from importer.jobs.conversion import Job, convert_in_child
from importer.options import ImportOptions
from importer.scheduling.parcel import Parcel, pack
from importer.scheduling.work import Conversion, begin

_FACTORY = """
from pathlib import Path
import torch

def build():
    bias = bool(int(Path(__file__).with_name("bias.txt").read_text()))
    width = len(Path(__file__).parent.joinpath({named}).read_text().split())
    return torch.nn.Linear(width, 1, bias=bias)
"""


def sent(folder: Path, named: str) -> Job:
    """The job of a model whose factory reads two files, at a place where only the parcel's files are."""
    here, there = folder / "here", folder / "there"
    (here / "data").mkdir(parents=True)
    (here / "bias.txt").write_text("1", encoding="utf-8")
    (here / "data" / "words.txt").write_text("one two three", encoding="utf-8")
    (here / "net.py").write_text(_FACTORY.format(named=named), encoding="utf-8")
    torch.save(torch.nn.Linear(3, 1).state_dict(), here / "net.pth")
    options = ImportOptions(factory="res://net.py:build", inputs="float32[1,3]", recipe="portable")
    job = begin(Conversion(here / "net.pth", options, here), Cache(folder / "cache"))
    assert isinstance(job, Job)
    parcel, files = pack(job)

    def put(sha256: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[sha256], target)

    return Parcel.from_text(parcel.text()).unpack(there, put)


def test_files_that_a_factory_names_go_with_it(tmp_path: Path) -> None:
    job = sent(tmp_path, '"data/words.txt"')
    assert convert_in_child(job).key == job.key


def test_a_file_that_it_does_not_name_is_missing_there(tmp_path: Path) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_in_child(sent(tmp_path, '"data", "words" + ".txt"'))
    assert caught.value.code == "FACTORY_FAILED" and "words.txt" in caught.value.cause
    assert "in quotes" in caught.value.remedy and 'FILES = ["words.txt"]' in caught.value.remedy


def test_a_named_file_belongs_to_the_key(tmp_path: Path) -> None:
    first = sent(tmp_path, '"data/words.txt"')
    (tmp_path / "here" / "data" / "words.txt").write_text("four five six", encoding="utf-8")
    options = ImportOptions(factory="res://net.py:build", inputs="float32[1,3]", recipe="portable")
    changed = begin(Conversion(tmp_path / "here" / "net.pth", options, tmp_path / "here"), Cache(tmp_path / "cache"))
    assert isinstance(changed, Job) and changed.key != first.key
