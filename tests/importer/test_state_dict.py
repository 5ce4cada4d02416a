"""Fitting a file's names to a model's, and reading tensors without running what is beside them."""

from __future__ import annotations

import argparse
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import ImporterError
from importer.sniff import sniff
from importer.state_dict import PREFIXES, explain, load_into, match_names, read_tensors

names = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,2}", fullmatch=True)
shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)
models = st.dictionaries(names, shapes, min_size=1, max_size=8)


@given(models, st.lists(st.sampled_from(PREFIXES), max_size=2))
def test_prefixes_of_wrappers_come_off(wanted: dict[str, tuple[int, ...]], wrappers: list[str]) -> None:
    prefix = "".join(wrappers)
    match = match_names({prefix + name: shape for name, shape in wanted.items()}, wanted)
    assert match.fits and set(match.renamed.values()) == set(wanted)


@given(models, models)
def test_every_name_is_accounted_for(given_names: dict[str, Any], wanted: dict[str, Any]) -> None:
    match = match_names(given_names, wanted)
    assert set(match.renamed) | set(match.unexpected) == set(given_names)
    assert set(match.renamed.values()) | set(match.missing) == set(wanted)
    assert not set(match.renamed.values()) & set(match.missing)
    assert match.fits == (not explain(match, given_names, wanted))


def test_the_nearest_names_are_told() -> None:
    given_names = {"encoder.layer1.weight": (4, 3), "head.bias": (2,)}
    wanted = {"encoder.layer_1.weight": (4, 3), "head.bias": (5,)}
    text = explain(match_names(given_names, wanted), given_names, wanted)
    assert "'encoder.layer_1.weight' (the file has 'encoder.layer1.weight')" in text
    assert "unknown to the model: 'encoder.layer1.weight'" in text
    assert "'head.bias' is [2] in the file and [5] in the model" in text


def linear(inputs: int = 3) -> Any:
    import torch

    torch.manual_seed(1)
    return torch.nn.Linear(inputs, 2)


def save(value: Any, path: Path) -> Path:
    import torch

    torch.save(value, path)
    return path


def loaded(path: Path) -> Any:
    import torch

    model = torch.nn.Linear(3, 2)
    load_into(model, path, sniff(path))
    return model


def test_a_checkpoint_of_a_wrapped_model(tmp_path: Path) -> None:
    state = {f"module._orig_mod.{name}": value for name, value in linear().state_dict().items()}
    assert loaded(save({"epoch": 1, "state_dict": state}, tmp_path / "x.pt")).weight.equal(linear().weight)


def test_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(linear().state_dict(), tmp_path / "x.safetensors")
    assert loaded(tmp_path / "x.safetensors").weight.equal(linear().weight)


def test_other_objects_of_a_checkpoint_are_left_alone(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "evil"),)

    content = {"state_dict": linear().state_dict(), "arguments": argparse.Namespace(), "callback": Runs()}
    assert loaded(save(content, tmp_path / "x.pt")).weight.equal(linear().weight)
    assert not (tmp_path / "evil").exists()


def test_views_of_one_storage_beside_other_objects(tmp_path: Path) -> None:
    import torch

    table = torch.arange(12.0)
    state = {"a": table[2:8].view(2, 3), "b": table.view(3, 4).t(), "c": torch.tensor(3.0), "d": torch.ones(2).half()}
    path = save({"state_dict": state, "arguments": argparse.Namespace()}, tmp_path / "x.pt")
    found = read_tensors(path, sniff(path))
    assert all(found[name].equal(value) and found[name].dtype == value.dtype for name, value in state.items())


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "uint16", "uint32", "bfloat16"])
@pytest.mark.parametrize("more", [False, True])
def test_tensors_of_rarer_dtypes(dtype: str, more: bool, tmp_path: Path) -> None:
    import torch

    state = {"a": torch.arange(6).to(getattr(torch, dtype)), "b": torch.randn(3)}
    torch.save({"state_dict": state, "when": argparse.Namespace(epoch=3)} if more else state, tmp_path / "x.pth")
    sniffed = sniff(tmp_path / "x.pth")
    assert sniffed.kind == ("checkpoint" if more else "state_dict")
    assert sniffed.tensors["a"].dtype == dtype
    found = read_tensors(tmp_path / "x.pth", sniffed)
    assert found["a"].dtype == state["a"].dtype
    assert found["a"].tolist() == state["a"].tolist()


def test_checkpoints_saved_on_a_gpu(tmp_path: Path) -> None:
    """Such a file names its device; it must load on a machine without one."""
    source = save(linear().state_dict(), tmp_path / "cpu.pt")
    target = tmp_path / "cuda.pt"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("data.pkl"):
                assert b"X\x03\0\0\0cpu" in data
                data = data.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
            new.writestr(name, data)
    assert loaded(target).weight.equal(linear().weight)


@pytest.mark.parametrize("data", [None, b"abc"])
def test_a_checkpoint_whose_storage_is_cut_off(data: bytes | None, tmp_path: Path) -> None:
    path = save({"state_dict": linear().state_dict(), "arguments": argparse.Namespace()}, tmp_path / "x.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "cut.pt", "w") as new:
        for name in old.namelist():
            content = data if name.endswith("data/0") else old.read(name)
            if content is not None:
                new.writestr(name, content)
    with pytest.raises(ImporterError) as caught:
        loaded(tmp_path / "cut.pt")
    assert caught.value.code == "FILE_DAMAGED"


@pytest.mark.parametrize("prefix", ["", "model."])
def test_a_weight_with_two_names_that_the_file_has_once(prefix: str, tmp_path: Path) -> None:
    """safetensors writes shared weights once, and Hugging Face's models share those of their head."""
    import torch
    from safetensors.torch import save_file

    def build() -> torch.nn.Module:
        table, head = torch.nn.Embedding(8, 4), torch.nn.Linear(4, 8, bias=False)
        head.weight = table.weight
        return torch.nn.Sequential(table, head)

    path, weight = tmp_path / "x.safetensors", torch.randn(8, 4)
    save_file({f"{prefix}0.weight": weight}, path)
    model = build()
    load_into(model, path, sniff(path))
    assert all(value.equal(weight) for value in model.state_dict().values())
    save_file({f"{prefix}0.weight": weight}, path)
    apart = torch.nn.Sequential(torch.nn.Embedding(8, 4), torch.nn.Linear(4, 8, bias=False))
    with pytest.raises(ImporterError):
        load_into(apart, path, sniff(path))


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    import torch

    path = save(linear(7).state_dict(), tmp_path / "x.pt")
    with pytest.raises(ImporterError) as caught:
        load_into(torch.nn.Linear(3, 2), path, sniff(path))
    assert caught.value.code == "STATE_DICT_MISMATCH" and "[2, 7] in the file and [2, 3]" in caught.value.cause
