"""Further programs of one model: each with its own proof, called in the same way, and never half there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer import pipeline, variants
from importer.cache import entry
from importer.cache.cache import Cache
from importer.cache.install import install_program
from importer.cli.convert import install
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.program import measured
from importer.program.program import read_program
from tests.importer.conftest import Convert

INPUT = "x: float32[N:1..8,32]"
VARIANTS = "xnnpack_int8_dynamic, xnnpack_fp32, portable"


@pytest.fixture(scope="module")
def converted(convert_zoo: Convert) -> entry.Artifact:
    return convert_zoo("mlp", inputs=INPUT, variants=VARIANTS)


def test_each_variant_is_a_program_with_its_own_proof(converted: entry.Artifact) -> None:
    main = converted.metadata
    int8, portable = main["variants"]
    assert [main["recipe"], int8["recipe"], portable["recipe"]] == ["xnnpack_fp32", "xnnpack_int8_dynamic", "portable"]
    assert "The variant xnnpack_fp32 is the main program." in main["notes"]
    for found in (int8, portable):
        file = converted.entry / found["payload"]["file"]
        assert file.stat().st_size == found["payload"]["size"] == read_program(file).size
        assert found["accuracy"]["samples"] and found["timings"]["executorch_us"] > 0
        assert [method["inputs"] for method in found["methods"]] == [method["inputs"] for method in main["methods"]]
    assert int8["payload"]["size"] < main["payload"]["size"]
    assert int8["accuracy"]["max_relative"] > main["accuracy"]["max_relative"]
    assert portable["methods"][0]["delegates"] == [] != int8["methods"][0]["delegates"]
    assert {path.name for path in converted.entry.iterdir()} == {
        "metadata.json", "model.tres", "signature.json", *converted.hashes
    }  # fmt: skip
    assert len(converted.hashes) == 3


def test_the_installed_files(converted: entry.Artifact, tmp_path: Path) -> None:
    install(converted, tmp_path / "net.pte")
    assert {path.name for path in tmp_path.iterdir()} == {
        "net.pte", "net.portable.pte", "net.xnnpack_int8_dynamic.pte",
        "net.tres", "net.metadata.json", "net.measured.json",
    }  # fmt: skip
    text = (tmp_path / "net.tres").read_text(encoding="utf-8")
    assert '"portable": "net.portable.pte"' in text and "executorch_us" not in text
    stable, found = measured.split(converted.metadata)
    assert "timings" not in json.dumps(stable["variants"]) and set(found["variants"]) == {
        "portable", "xnnpack_int8_dynamic"
    }  # fmt: skip
    assert "variants" not in measured.split({**converted.metadata, "variants": []})[1]


def test_a_damaged_variant_is_not_used(convert_zoo: Convert, tmp_path: Path) -> None:
    made = convert_zoo("mlp", {"hidden": 16}, inputs=INPUT, variants="portable")
    root = made.entry.parents[1]
    cache = Cache(root)
    file = made.entry / "model.portable.pte"
    content = file.read_bytes()
    for damage in (content[:-1] + bytes([content[-1] ^ 1]), None):
        file.unlink()
        if damage is not None:
            file.write_bytes(damage)
        with pytest.raises(ImporterError) as caught:
            cache.look_up(made.key)
        assert caught.value.code == "CACHE_DAMAGED" and "model.portable.pte" in caught.value.cause
        with pytest.raises(ImporterError):
            install_program(made, tmp_path / "net.pte")
        assert not list(tmp_path.iterdir()), "all files or none"


def test_a_variant_that_fails_names_itself(convert_zoo: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_zoo("mlp", inputs=INPUT, variants="xnnpack_int8_dynamic", max_relative_error="0.000001")
    assert caught.value.code == "ACCURACY_LOST"
    assert "variant xnnpack_int8_dynamic" in caught.value.cause and "'variants'" in caught.value.remedy


def test_a_variant_with_another_signature_is_refused(converted: entry.Artifact, tmp_path: Path) -> None:
    methods = converted.metadata["methods"]

    def other(options: ImportOptions, folder: Path) -> dict[str, Any]:
        return {"methods": [{**methods[0], "name": "other"}], "notes": []}

    main = {"recipe": "xnnpack_fp32", "methods": methods, "notes": []}
    with pytest.raises(ImporterError) as caught:
        variants.convert_variants(main, other, ImportOptions(variants="portable"), tmp_path, pipeline.Stages())
    assert caught.value.code == "VARIANT_DIFFERS" and "methods (other instead of forward)" in caught.value.cause


def refused(folder: Path, answer: Any) -> ImporterError:
    """The error of a conversion whose child wrote one program and said this of the variants."""
    source = folder / "net.pt2"
    source.write_bytes(b"model")
    cache, options = Cache(folder / "cache"), ImportOptions(variants="portable")
    plan = pipeline.prepare(source, options, None)
    with cache.building(plan.key) as building:
        (building / "model.pte").write_bytes(b"program")
        with pytest.raises(ImporterError) as caught:
            pipeline.store(cache, plan, building, {"variants": answer}, "net.pt2", 1.0)
    assert caught.value.code == "CONVERSION_INCOMPLETE"
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [
        [{"recipe": "xnnpack_fp16"}],
        [{"recipe": "../portable"}],
        [{"recipe": "portable"}, {"recipe": "portable"}],
        ["portable"],
        "portable",
        5,
        [{"recipe": ["portable"]}],
    ],
)
def test_a_child_that_answers_other_variants(answer: Any, tmp_path: Path) -> None:
    refused(tmp_path, answer)


def test_a_variant_without_a_file(tmp_path: Path) -> None:
    assert "model.portable.pte" in refused(tmp_path, [{"recipe": "portable"}]).cause
