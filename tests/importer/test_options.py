"""Options, the paths in them, and the cache key that the editor computes too."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from importer.cache.cache_key import hash_file, make_key
from importer.errors import ImporterError
from importer.options import KERNELS, RECIPES, RECURRENT, ImportOptions, split_factory
from importer.paths import resolve
from importer.version import IMPORTER_VERSION


def test_unknown_names_and_wrong_types_are_refused() -> None:
    for values in ({"recip": "auto"}, {"recipe": 3}, {"deadline_seconds": "600"}, {"external_weights": 1}):
        with pytest.raises(ImporterError) as caught:
            ImportOptions.from_mapping(values)
        assert caught.value.code == "OPTION_INVALID"


def test_numbers_of_godot_json_are_floats() -> None:
    assert ImportOptions.from_mapping({"group_size": 64.0}).group_size == 64


@pytest.mark.parametrize(
    ("values", "option"),
    [
        ({"recipe": "int3"}, "recipe"),
        ({"variants": "portable, int3"}, "variants"),
        ({"variants": "auto"}, "variants"),
        ({"variants": "portable, portable"}, "variants"),
        ({"recipe": "portable", "variants": "portable"}, "variants"),
        ({"variants": "portable", "external_weights": True}, "variants"),
        ({"recipe": "search"}, "recipe"),
        ({"float_layers": "head"}, "float_layers"),
        ({"recipe": "xnnpack_int8_int4", "float_layers": "head"}, "float_layers"),
        ({"recipe": "xnnpack_int8_static", "float_layers": "head: fp8"}, "float_layers"),
        ({"kernels": "fast"}, "kernels"),
        ({"recurrent": "loop"}, "recurrent"),
        ({"group_size": 8}, "group_size"),
        ({"deadline_seconds": 0}, "deadline_seconds"),
        ({"memory_limit_megabytes": -1}, "memory_limit_megabytes"),
        ({"max_relative_error": "small"}, "max_relative_error"),
        ({"max_absolute_error": "-1"}, "max_absolute_error"),
        ({"max_absolute_error": "nan"}, "max_absolute_error"),
        ({"inputs": "x: float"}, "inputs"),
        ({"factory_arguments": "[1]"}, "factory_arguments"),
        ({"factory_arguments": "{"}, "factory_arguments"),
        ({"factory": "res://missing.py:build"}, "factory"),
        ({"calibration": "res://missing"}, "calibration"),
        ({"factory": "res://"}, "factory"),
        ({"factory": "long" * 2000}, "factory"),
        ({"factory": "nul\0.py"}, "factory"),
        ({"calibration": "loop"}, "calibration"),
    ],
)
def test_check_names_the_option(values: dict[str, object], option: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    problems = ImportOptions.from_mapping(values).check(tmp_path)
    assert [problem.option for problem in problems] == [option]
    assert problems[0].cause and problems[0].remedy


def test_a_path_that_no_system_takes() -> None:
    (problem,) = ImportOptions(factory="long" * 2000).check(None)
    assert problem.option == "factory" and "no such file" in problem.cause


def test_a_dependency_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"weights")
    (tmp_path / "net.py").write_bytes(b"")

    def hashing(path: Path) -> str:
        if path.suffix == ".py":
            raise PermissionError(13, "Permission denied", str(path))
        return hash_file(path)

    with pytest.raises(ImporterError) as caught:
        make_key(tmp_path / "net.pth", ImportOptions(factory="net.py"), tmp_path, hashing)
    assert caught.value.code == "FILE_NOT_READABLE" and "net.py" in caught.value.cause


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"weights")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / os.fsdecode(b"\xff.npy")).write_bytes(b"1")
    assert len(make_key(tmp_path / "net.pth", ImportOptions(calibration="data"), tmp_path)) == 64


def test_defaults_are_fine(tmp_path: Path) -> None:
    assert ImportOptions().check(tmp_path) == [] == ImportOptions().check(None)


def test_factories() -> None:
    assert split_factory("res://models/net.py:build") == ("res://models/net.py", "build")
    assert split_factory("res://models/net.py") == ("res://models/net.py", "build")


@pytest.mark.parametrize(
    "text", ["res://../secret.py", "../secret.py", "/etc/passwd", "res://link.py", "res://folder/x.py"]
)
def test_paths_stay_in_the_project(text: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    outside = tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (tmp_path / "secret.py").touch()
    (outside / "x.py").touch()
    (project / "link.py").symlink_to(tmp_path / "secret.py")
    (project / "folder").symlink_to(outside)
    with pytest.raises(ImporterError) as caught:
        resolve(text, project, "factory")
    assert caught.value.code == "PATH_OUTSIDE_PROJECT"


def test_paths_inside_are_found(tmp_path: Path) -> None:
    (tmp_path / "net.py").touch()
    (tmp_path / "link.py").symlink_to(tmp_path / "net.py")
    assert (
        resolve("res://net.py", tmp_path, "factory") == tmp_path / "net.py" == resolve("res://link.py", tmp_path, "x")
    )


def test_the_key_is_what_the_contract_says(tmp_path: Path) -> None:
    source = tmp_path / "net.pt"
    source.write_bytes(b"abc")
    (tmp_path / "net.py").write_bytes(b"def")
    (tmp_path / "data" / "inner").mkdir(parents=True)
    (tmp_path / "data" / "inner" / "a.npy").write_bytes(b"1")
    (tmp_path / "data" / ".hidden").write_bytes(b"2")
    options = ImportOptions(factory="res://net.py:build", calibration="res://data", group_size=64, inputs="é")
    digest = {name: hashlib.sha256(name).hexdigest() for name in (b"abc", b"def", b"1")}
    lines = [
        "executorch-import",
        IMPORTER_VERSION,
        digest[b"abc"],
        r'{"calibration":"res://data","factory":"res://net.py:build","group_size":64,"inputs":"\u00e9"}',
        f"calibration/inner/a.npy={digest[b'1']}",
        f"factory={digest[b'def']}",
    ]
    assert make_key(source, options, tmp_path) == hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert make_key(source, ImportOptions(), None) != make_key(source, ImportOptions(recipe="portable"), None)


def test_the_key_covers_what_the_factory_imports(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"abc")
    (tmp_path / "net.py").write_text("from blocks import Block\n", encoding="ascii")
    (tmp_path / "unused.py").write_text("", encoding="ascii")
    options = ImportOptions(factory="res://net.py:build")
    keys = []
    for block, unused in (("1", "1"), ("2", "1"), ("2", "2"), ("1", "2")):
        (tmp_path / "blocks.py").write_text(f"Block = {block}", encoding="ascii")
        (tmp_path / "unused.py").write_text(unused, encoding="ascii")
        keys.append(make_key(tmp_path / "net.pth", options, tmp_path))
    assert keys[0] != keys[1] == keys[2] and keys[3] == keys[0]


def test_external_weights_are_part_of_the_key(tmp_path: Path) -> None:
    source = tmp_path / "net.pte"
    source.write_bytes(b"abc")
    before = make_key(source, ImportOptions(), None)
    (tmp_path / "net.ptd").write_bytes(b"weights")
    assert make_key(source, ImportOptions(), None) != before


def test_the_import_dock_has_the_same_options() -> None:
    """The one table of the addon, import_options.gd, against ImportOptions."""
    addon = Path(__file__).parents[2] / "addons" / "executorch" / "editor" / "shared" / "import_options.gd"
    text = addon.read_text(encoding="utf-8")
    (table,) = re.findall(r"^const CONVERSION: Dictionary = (\{.*?^\})", text, re.MULTILINE | re.DOTALL)
    assert json.loads(re.sub(r",\s*\}", "}", table)) == asdict(ImportOptions())
    (recipes,) = re.findall(r"^const RECIPES: String = \((.*?)\)", text, re.MULTILINE | re.DOTALL)
    assert "".join(re.findall(r'"(.*?)"', recipes)) == ",".join(RECIPES)
    assert f'"kernels": [PROPERTY_HINT_ENUM, "{",".join(KERNELS)}"]' in text
    assert f'"recurrent": [PROPERTY_HINT_ENUM, "{",".join(RECURRENT)}"]' in text


def test_options_of_another_type_are_refused_in_python_too() -> None:
    with pytest.raises(ImporterError) as caught:
        ImportOptions(max_relative_error=0.5)  # type: ignore[arg-type]
    assert caught.value.code == "OPTION_INVALID" and "'0.5'" in caught.value.remedy


def test_what_is_no_path_is_refused(tmp_path: Path) -> None:
    from importer.cache.cache import Cache
    from importer.pipeline import convert

    with pytest.raises(ImporterError) as caught:
        convert(object(), cache=Cache(tmp_path), options=ImportOptions())  # type: ignore[arg-type]
    assert caught.value.code == "OPTION_INVALID" and "torch.export.save" in caught.value.remedy
    with pytest.raises(ImporterError) as caught:
        convert(str(tmp_path / "nothing.pt2"), cache=Cache(tmp_path), options=ImportOptions())  # type: ignore[arg-type]
    assert caught.value.code == "FILE_NOT_READABLE"
    wrong: list[dict[str, Any]] = [{"options": {"recipe": "auto"}}, {"options": None}, {"cache": str(tmp_path)}]
    for given in wrong:
        with pytest.raises(ImporterError) as caught:
            convert(tmp_path / "x.pt", **{"cache": Cache(tmp_path), "options": ImportOptions(), **given})
        assert caught.value.code == "OPTION_INVALID" and "takes" in caught.value.cause
    with pytest.raises(ImporterError) as caught:
        convert("a\0b", cache=Cache(tmp_path), options=ImportOptions(), project=str(tmp_path))  # type: ignore[arg-type]
    assert caught.value.code == "FILE_NOT_READABLE"


def test_the_command_line_names_its_own_options(tmp_path: Path) -> None:
    from importer.cli.convert import in_words_of_the_command_line

    file = tmp_path / "x.pt"
    file.write_bytes(b"x")
    remedy = "Name the Python function that builds the model in the option 'factory': res://models/net.py:build."
    told = in_words_of_the_command_line(ImporterError("STATE_DICT_NEEDS_FACTORY", "c", remedy), file)
    assert "in --factory:" in told.remedy
    remedy = "Save it with torch.export.save, or allow this file in the inspector if you trust where it is from."
    told = in_words_of_the_command_line(ImporterError("PICKLE_NEEDS_PERMISSION", "c", remedy), file)
    assert f"--allow-pickle {hash_file(file)}" in told.remedy and "dock" not in told.remedy
