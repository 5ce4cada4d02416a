"""Weights of one model in several files: by their usual names, or by an index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.cache.shards import shard_files
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.sources.early_checks import refuse_early
from importer.sources.file_kind import recognise
from importer.sources.state_dict import load_into


def linear() -> Any:
    import torch

    torch.manual_seed(1)
    return torch.nn.Linear(3, 2)


def loaded(path: Path) -> Any:
    """A model of other values after it took the weights of a part and of the others."""
    model = linear()
    model.load_state_dict({name: value + 1 for name, value in model.state_dict().items()})
    load_into(model, path, recognise(path))
    return model


def test_shards_are_read_together(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = linear().state_dict()
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    save_file({"weight": state["weight"]}, tmp_path / names[0])
    with pytest.raises(ImporterError) as caught:
        loaded(tmp_path / names[0])
    assert caught.value.code == "SHARD_MISSING" and "one of 2 files" in caught.value.cause
    save_file({"bias": state["bias"]}, tmp_path / names[1])
    for name in names:
        model = loaded(tmp_path / name)
        assert model.weight.equal(state["weight"]) and model.bias.equal(state["bias"])


FREE_NAMES = ["encoder.safetensors", "the head.safetensors"]


def indexed(folder: Path, names: list[Any], index: str = "net.safetensors.index.json") -> Path:
    """Two parts of a state dict with free names, and an index that names `names`; the first part."""
    from safetensors.torch import save_file

    state = linear().state_dict()
    for name, weight in zip(FREE_NAMES, state, strict=True):
        save_file({weight: state[weight]}, folder / name)
    places = {f"weight_{number}": name for number, name in enumerate(names)}
    (folder / index).write_text(json.dumps({"metadata": {"total_size": 24}, "weight_map": places}))
    return folder / FREE_NAMES[0]


def test_shards_that_an_index_names_are_read_together(tmp_path: Path) -> None:
    indexed(tmp_path, ["other.safetensors"], "a_model_beside.index.json")
    (tmp_path / "no_weights.index.json").write_text("[1, 2]")
    indexed(tmp_path, FREE_NAMES)
    state = linear().state_dict()
    for name in FREE_NAMES:
        model = loaded(tmp_path / name)
        assert model.weight.equal(state["weight"]) and model.bias.equal(state["bias"])


def test_shards_of_torch_that_an_index_names(tmp_path: Path) -> None:
    import torch

    state = linear().state_dict()
    for name, weight in {"first.bin": "weight", "second.bin": "bias"}.items():
        torch.save({weight: state[weight]}, tmp_path / name)
    places = {"weight": "first.bin", "bias": "second.bin"}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    assert loaded(tmp_path / "second.bin").weight.equal(state["weight"])


def test_a_shard_that_an_index_names_is_missing(tmp_path: Path) -> None:
    path = indexed(tmp_path, [*FREE_NAMES, "tail.safetensors"])
    with pytest.raises(ImporterError) as caught:
        loaded(path)
    assert caught.value.code == "SHARD_MISSING"
    assert "'tail.safetensors'" in caught.value.cause and "index.json" in caught.value.cause


HOSTILE_NAMES: dict[str, Any] = {
    "above": "../secret.safetensors",
    "absolute": "/etc/secret.safetensors",
    "backslash": "..\\secret.safetensors",
    "drive": "C:secret.safetensors",
    "web": "http://127.0.0.1:9/x.safetensors",
    "hidden": ".secret.safetensors",
    "nothing": "",
    "zero": "a\0.safetensors",
    "not_unicode": "\ud800.safetensors",
    "long": "x" * 250 + ".safetensors",
    "other_kind": "net.py",
    "list": ["a.safetensors"],
    "number": 5,
}


@pytest.mark.parametrize("case", HOSTILE_NAMES)
def test_an_index_that_names_no_file_beside_it_is_refused(case: str, tmp_path: Path) -> None:
    path = indexed(tmp_path, [*FREE_NAMES, HOSTILE_NAMES[case]])
    with pytest.raises(ImporterError) as caught:
        shard_files(path)
    assert caught.value.code == "SHARD_INDEX_INVALID" and "net.safetensors.index.json" in caught.value.cause


def test_an_index_of_thousands_of_files_is_refused(tmp_path: Path) -> None:
    path = indexed(tmp_path, [*FREE_NAMES, *(f"{number}.safetensors" for number in range(5000))])
    with pytest.raises(ImporterError) as caught:
        shard_files(path)
    assert caught.value.code == "SHARD_INDEX_INVALID" and "5002 files" in caught.value.cause


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"weight_map": {"a": "encoder.safetensors", ', "is not JSON"),
        ('{"a": "encoder.safetensors", "b": ' + "[" * 200_000, "is not JSON"),
        ('{"a": "encoder.safetensors"}' + " " * (17 << 20), "more than 16 MB"),
    ],
)
def test_an_index_that_cannot_be_read_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    path = indexed(tmp_path, FREE_NAMES)
    (tmp_path / "net.safetensors.index.json").write_text(content)
    with pytest.raises(ImporterError) as caught:
        shard_files(path)
    assert caught.value.code == "SHARD_INDEX_INVALID" and reason in caught.value.cause


def test_a_link_out_of_the_folder_is_no_shard(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = indexed(tmp_path / "models", FREE_NAMES)
    secret = (tmp_path / "models" / FREE_NAMES[1]).rename(tmp_path / "secret.safetensors")
    path.with_name(FREE_NAMES[1]).symlink_to(secret)
    with pytest.raises(ImporterError) as caught:
        shard_files(path)
    assert caught.value.code == "SHARD_INDEX_INVALID" and "link" in caught.value.cause


def test_an_index_that_is_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = indexed(tmp_path / "models", FREE_NAMES)
    outside = (tmp_path / "models" / "net.safetensors.index.json").rename(tmp_path / "net.json")
    path.with_name("net.safetensors.index.json").symlink_to(outside)
    assert shard_files(path) == []


def test_shards_in_a_folder_of_links(tmp_path: Path) -> None:
    """As a hub's cache is: every file is a link to one folder of contents."""
    for name in ("contents", "snapshot"):
        (tmp_path / name).mkdir()
    indexed(tmp_path / "contents", FREE_NAMES)
    for content in (tmp_path / "contents").iterdir():
        (tmp_path / "snapshot" / content.name).symlink_to(content)
    assert loaded(tmp_path / "snapshot" / FREE_NAMES[0]).bias.equal(linear().bias)


def test_the_class_of_weights_in_several_files_is_offered(tmp_path: Path) -> None:
    path = indexed(tmp_path, FREE_NAMES)
    text = "import torch\nclass Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"
    (tmp_path / "net.py").write_text(text)
    with pytest.raises(ImporterError) as caught:
        refuse_early(path, tmp_path, ImportOptions(), False)
    assert caught.value.code == "STATE_DICT_NEEDS_FACTORY" and "in 2 files: it has 2 tensors" in caught.value.cause
    path.with_name(FREE_NAMES[1]).unlink()
    for options in (ImportOptions(), ImportOptions(factory=str(tmp_path / "net.py:Net"))):
        with pytest.raises(ImporterError) as caught:
            refuse_early(path, tmp_path, options, False)
        assert caught.value.code == "SHARD_MISSING"
