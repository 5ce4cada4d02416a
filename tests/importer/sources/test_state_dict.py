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
from importer.sources.file_kind import recognise
from importer.sources.state_dict import load_into, read_tensors
from importer.sources.weight_names import explain, match_names

names = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,2}", fullmatch=True)
shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)
models = st.dictionaries(names, shapes, min_size=1, max_size=8)


WRAPPED = ("module.", "_orig_mod.", "model.", "net.", "agent.policy.", "ema_model.", "_forward_module.")


@given(models, st.lists(st.sampled_from(WRAPPED), max_size=2))
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
    load_into(model, path, recognise(path))
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
    found = read_tensors(path, recognise(path))
    assert all(found[name].equal(value) and found[name].dtype == value.dtype for name, value in state.items())


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "uint16", "uint32", "bfloat16"])
@pytest.mark.parametrize("more", [False, True])
def test_tensors_of_rarer_dtypes(dtype: str, more: bool, tmp_path: Path) -> None:
    import torch

    state = {"a": torch.arange(6).to(getattr(torch, dtype)), "b": torch.randn(3)}
    torch.save({"state_dict": state, "when": argparse.Namespace(epoch=3)} if more else state, tmp_path / "x.pth")
    file_kind = recognise(tmp_path / "x.pth")
    assert file_kind.kind == ("checkpoint" if more else "state_dict")
    assert file_kind.tensors["a"].dtype == dtype
    found = read_tensors(tmp_path / "x.pth", file_kind)
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
    load_into(model, path, recognise(path))
    assert all(value.equal(weight) for value in model.state_dict().values())
    save_file({f"{prefix}0.weight": weight}, path)
    apart = torch.nn.Sequential(torch.nn.Embedding(8, 4), torch.nn.Linear(4, 8, bias=False))
    with pytest.raises(ImporterError):
        load_into(apart, path, recognise(path))


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    import torch

    path = save(linear(7).state_dict(), tmp_path / "x.pt")
    with pytest.raises(ImporterError) as caught:
        load_into(torch.nn.Linear(3, 2), path, recognise(path))
    assert caught.value.code == "STATE_DICT_MISMATCH" and "[2, 7] in the file and [2, 3]" in caught.value.cause


def told(content: Any, tmp_path: Path, weights: str = "") -> tuple[Any, str]:
    """A Linear(3, 2) that was given a checkpoint's weights, and the notes."""
    import torch

    model = torch.nn.Linear(3, 2)
    path = save(content, tmp_path / "x.pth")
    return model, " ".join(load_into(model, path, recognise(path), weights))


def filled(value: float, inputs: int = 3) -> dict[str, Any]:
    import torch

    return {"weight": torch.full((2, inputs), value), "bias": torch.zeros(2)}


@pytest.mark.parametrize(
    ("raw", "averaged"),
    [("params", "params_ema"), ("state_dict", "state_dict_ema"), ("model", "ema_model"), ("model", "model_ema"),
     ("net", "swa_net"), ("generator", "ema")],
)  # fmt: skip
def test_averaged_weights_come_first_and_the_option_chooses(raw: str, averaged: str, tmp_path: Path) -> None:
    content = {raw: filled(1.0), averaged: filled(2.0), "step": 9}
    model, notes = told(content, tmp_path)
    assert float(model.weight[0, 0]) == 2.0 and f"'{raw}'" in notes and f"'{averaged}'" in notes
    assert float(told(content, tmp_path, raw)[0].weight[0, 0]) == 1.0
    assert float(told(content, tmp_path, averaged)[0].weight[0, 0]) == 2.0
    with pytest.raises(ImporterError) as caught:
        told(content, tmp_path, "nothing")
    assert caught.value.code == "WEIGHTS_UNKNOWN" and raw in caught.value.remedy and averaged in caught.value.remedy


def test_averaged_weights_by_their_prefix(tmp_path: Path) -> None:
    import torch

    content = {f"{name}.{key}": value for name, number in (("online_model", 1.0), ("ema_model", 2.0))
               for key, value in filled(number).items()} | {"initted": torch.tensor(True)}  # fmt: skip
    model, notes = told(content, tmp_path)
    assert float(model.weight[0, 0]) == 2.0 and "online_model" in notes
    assert float(told(content, tmp_path, "online_model")[0].weight[0, 0]) == 1.0


@pytest.mark.parametrize(
    "content",
    [
        lambda: (filled(3.0), filled(1.0, 5)),
        lambda: [filled(1.0, 5), filled(3.0), {"episode": 3}],
        lambda: {"critic": filled(1.0, 5), "actor": filled(3.0), "steps": 5},
        lambda: {"agent": {"critic": filled(1.0, 5), "actor": filled(3.0)}, "optimizer": filled(1.0)},
        lambda: {"model": filled(1.0, 5), "policy": {"state_dict": filled(3.0)}},
    ],
    ids=["tuple", "list", "dictionary", "nested", "usual key"],
)  # fmt: skip
def test_the_state_dict_that_fits_is_taken(content: Any, tmp_path: Path) -> None:
    assert float(told(content(), tmp_path)[0].weight[0, 0]) == 3.0


def test_of_two_that_fit_the_option_chooses(tmp_path: Path) -> None:
    content = {"actor": filled(1.0), "target_actor": filled(2.0)}
    with pytest.raises(ImporterError) as caught:
        told(content, tmp_path)
    assert caught.value.code == "WEIGHTS_AMBIGUOUS" and "'actor', 'target_actor'" in caught.value.cause
    assert float(told(content, tmp_path, "target_actor")[0].weight[0, 0]) == 2.0
    pair = (filled(1.0), filled(2.0))
    assert float(told(pair, tmp_path, "[1]")[0].weight[0, 0]) == 2.0


def test_more_weights_than_the_model_are_left_out_and_named(tmp_path: Path) -> None:
    import torch

    content = {**filled(1.0), "value_net.weight": torch.ones(1, 3), "position_ids": torch.arange(4)}
    model, notes = told(content, tmp_path)
    assert float(model.weight[0, 0]) == 1.0 and "Left out" in notes and "'value_net.weight'" in notes
    with pytest.raises(ImporterError) as caught:
        told({"weight": torch.ones(2, 3), "value_net.weight": torch.ones(1, 3)}, tmp_path)
    assert caught.value.code == "STATE_DICT_MISMATCH" and "missing in the file: 'bias'" in caught.value.cause


def test_names_of_wrappers_in_the_middle(tmp_path: Path) -> None:
    import torch
    from torch import nn

    def build() -> Any:
        torch.manual_seed(0)
        return nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 2))

    for wrap in (torch.compile, nn.DataParallel):
        wrapped = build()
        wrapped[0] = wrap(wrapped[0])
        model = build()
        model[0][0].weight.data.zero_()
        path = save({f"agent.{name}": value for name, value in wrapped.state_dict().items()}, tmp_path / "x.pth")
        notes = load_into(model, path, recognise(path))
        assert model[0][0].weight.equal(build()[0][0].weight) and "wrappers" in " ".join(notes)


def test_a_submodule_of_a_wrappers_name(tmp_path: Path) -> None:
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module, self.head = nn.Linear(3, 3), nn.Linear(3, 3)

    trained, model = Net(), Net()
    path = save(trained.state_dict(), tmp_path / "x.pth")
    load_into(model, path, recognise(path))
    assert model.module.weight.equal(trained.module.weight) and model.head.weight.equal(trained.head.weight)


def test_names_that_torchs_own_loading_changes(tmp_path: Path) -> None:
    """The old weight norm's weight_g and weight_v, which the hooks of the new one take."""
    import torch
    from torch import nn

    old = nn.utils.weight_norm(nn.Linear(3, 2))
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))
    path = save({f"0.{name}": value for name, value in old.state_dict().items()}, tmp_path / "x.pth")
    load_into(model, path, recognise(path))
    x = torch.randn(4, 3)
    assert torch.allclose(model(x), old(x), atol=1e-6)


def test_old_running_statistics(tmp_path: Path) -> None:
    from torch import nn

    old, model = nn.InstanceNorm2d(4, affine=True, track_running_stats=True), nn.InstanceNorm2d(4, affine=True)
    path = save(dict(old.state_dict()), tmp_path / "x.pth")
    assert "running_mean" in " ".join(load_into(model, path, recognise(path)))


def test_arrays_and_objects_beside_the_weights(tmp_path: Path) -> None:
    import numpy as np

    many = {f"setting_{number}": number for number in range(20)}
    content = {**filled(2.0), "mean": np.zeros(3), "scale": np.float64(2.0), "args": argparse.Namespace(x=1), **many}
    assert float(told(content, tmp_path)[0].weight[0, 0]) == 2.0
