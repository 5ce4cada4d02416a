"""The importer's key and the addon's are the same: both are held to key_vectors.json (the addon in key_test.gd)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.cache import cache_key
from importer.cache.cache_key import dependencies, external_file, make_key_from
from importer.cache.factory_modules import imported_files, named_files
from importer.options import ImportOptions
from importer.version import IMPORTER_VERSION

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("key_vectors.json").read_text(encoding="utf-8"))
MODULES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("module_vectors.json").read_text(encoding="utf-8"))

SHARDS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("shard_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_key(vector: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_key, "IMPORTER_VERSION", vector["version"])
    files = {}
    for index, (name, content) in enumerate(vector["files"].items()):
        files[name] = tmp_path / str(index)
        files[name].write_text(content, encoding="utf-8")
    options = ImportOptions.from_mapping(vector["options"])
    assert options.changed() == vector["options"]
    assert make_key_from(vector["source_sha256"], options, files) == vector["key"]


def test_limits_are_not_in_the_key() -> None:
    """A raised deadline must not convert again, nor miss a team's cache."""
    keys = {vector["name"]: vector["key"] for vector in VECTORS}
    assert keys["limits"] == keys["defaults"]


@pytest.mark.parametrize("vector", MODULES, ids=[vector["name"] for vector in MODULES])
def test_the_files_that_a_factory_imports_and_reads(vector: dict[str, Any], tmp_path: Path) -> None:
    for name, content in vector["files"].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content.encode())
    found = imported_files(tmp_path / "net.py")
    assert sorted(found) == vector["found"]
    assert all(path == tmp_path / name for name, path in found.items())
    read = named_files(tmp_path / "net.py")
    assert sorted(read) == vector.get("read", []) and all(path == tmp_path / name for name, path in read.items())


def test_the_weights_of_a_program_whose_file_is_named_in_capital_letters(tmp_path: Path) -> None:
    for name in ("NET.PTE", "NET.PTD", "NET-large.ptd", "other.ptd"):
        (tmp_path / name).touch()
    found = dependencies(tmp_path / "NET.PTE", ImportOptions(), None)
    assert sorted(found) == ["external/NET-large.ptd", "external/NET.PTD"]
    assert external_file(tmp_path / "NET.PTE") == tmp_path / "NET.PTD"


def test_the_addon_names_the_importer_that_it_belongs_to() -> None:
    config = (Path(__file__).parents[2] / "addons" / "executorch" / "plugin.cfg").read_text(encoding="utf-8")
    assert f'importer_version="{IMPORTER_VERSION}"' in config


@pytest.mark.parametrize("vector", SHARDS, ids=[vector["name"] for vector in SHARDS])
def test_the_other_files_of_a_model_in_several(vector: dict[str, Any], tmp_path: Path) -> None:
    for name, content in {vector["source"]: "", **vector["files"]}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    found = dependencies(tmp_path / vector["source"], ImportOptions(), None)
    assert sorted(found) == [f"shard/{name}" for name in vector["found"]]


def test_the_data_beside_an_onnx_file(tmp_path: Path) -> None:
    for name in (
        "net.onnx",
        "net.onnx.data",
        "net.onnx_data_1",
        "net.DATA",
        "net.onnx.import",
        "net2.data",
        "other.data",
    ):
        (tmp_path / name).touch()
    found = dependencies(tmp_path / "net.onnx", ImportOptions(), None)
    assert sorted(found) == ["external/net.DATA", "external/net.onnx.data", "external/net.onnx_data_1"]
