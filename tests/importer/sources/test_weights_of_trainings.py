"""The weights that authors' tools would run, in the many forms in which training scripts save them."""

from __future__ import annotations

import argparse
import collections
import json
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.sources.early_checks import refuse_early
from importer.sources.file_kind import recognise
from importer.sources.state_dict import load_into


class Net(nn.Module):
    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
        self.norm = nn.BatchNorm1d(6)
        self.head = nn.Linear(6, 3)
        for parameter in self.parameters():
            nn.init.constant_(parameter, value)
        nn.init.constant_(self.norm.get_buffer("running_mean"), 7.0 if value else 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.encoder(x)))


class Wrapper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = Net()


def prefixed(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {prefix + name: value for name, value in state.items()}


RAW, AVERAGED = Net(1.0).state_dict(), Net(2.0).state_dict()
PARAMETERS = [parameter.detach().clone() for parameter in Net(2.0).parameters()]
NAMED = {name: parameter.detach() for name, parameter in Net(2.0).named_parameters()}
WITHOUT_DOTS = {f"model_ema.{name.replace('.', '')}": value for name, value in Net(2.0).named_parameters()}


def loaded(content: Any, path: Path, model: nn.Module | None = None, weights: str = "", **more: Any) -> tuple[Any, str]:
    torch.save(content, path, **more)
    model = model or Net()
    return model, " ".join(load_into(model, path, recognise(path), weights))


@pytest.mark.parametrize(
    "content",
    [
        {"model": RAW, "model_ema": {**prefixed(AVERAGED, "module."), "n_averaged": torch.tensor(5)}},
        {"step": 3, "model": RAW, "ema": prefixed(AVERAGED, "ema_model.")},
        {"state_dict": RAW, "ema": {"decay": 0.9, "state_dict": AVERAGED}},
        {"model": RAW, "moving_average": AVERAGED},
        {"model": RAW, "emaModel": AVERAGED},
        {"g": RAW, "g_ema": AVERAGED},
        {**prefixed(RAW, "model."), **prefixed(AVERAGED, "ema.module.")},
        {"state_dict": prefixed(RAW, "model."), "callbacks": {"EMA": {"ema_weights": prefixed(AVERAGED, "model.")}}},
        {"model": RAW, "ema": {"decay": 0.9, "shadow_params": PARAMETERS, "collected_params": None}},
        {"model": RAW, "ema": {"decay": 0.9, "shadow": NAMED, "backup": {}}},
        {"state_dict": prefixed(RAW, "model."), "ema": prefixed(NAMED, "module.model.")},
        {"state_dict": {**prefixed(RAW, "model."), **WITHOUT_DOTS, "model_ema.decay": torch.tensor(0.9)}},
    ],
    ids=[
        "module",
        "prefix",
        "nested",
        "words",
        "camel case",
        "g_ema",
        "flat",
        "callback",
        "list",
        "by name",
        "by name and prefix",
        "without dots",
    ],
)
def test_averaged_weights_in_all_their_forms(content: Any, tmp_path: Path) -> None:
    model, notes = loaded(content, tmp_path / "x.pth")
    assert {float(parameter.mean()) for parameter in model.parameters()} == {2.0}
    assert float(model.norm.running_mean[0]) == 7.0  # averages of parameters leave the buffers to the raw weights
    assert "would fit as well" in notes


def test_the_raw_weights_by_name(tmp_path: Path) -> None:
    content = {"model": RAW, "ema": {"shadow_params": PARAMETERS}}
    assert float(loaded(content, tmp_path / "x.pth", weights="model")[0].head.bias[0]) == 1.0


def test_a_list_of_tensors_that_is_no_average_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ImporterError) as caught:
        loaded({"samples": PARAMETERS}, tmp_path / "x.pth")
    assert caught.value.code == "NO_MODEL_INSIDE"


@pytest.mark.parametrize("prefix", ["", "net.", "net._orig_mod.module."])
def test_a_prefix_that_only_the_model_has(prefix: str, tmp_path: Path) -> None:
    model, notes = loaded(prefixed(RAW, prefix), tmp_path / "x.pth", Wrapper())
    assert float(model.model.head.bias[0]) == 1.0 and "Put the prefix 'model.' before the names" in notes


def test_weights_that_are_numpy_arrays(tmp_path: Path) -> None:
    import numpy as np

    arrays = {name: value.numpy() for name, value in RAW.items()}
    arrays["head.weight"] = np.asfortranarray(np.arange(18, dtype=np.float32).reshape(3, 6))
    content = {"worker": {"default_policy": {"weights": arrays}}}
    model, _ = loaded(content, tmp_path / "x.pth")
    assert model.head.weight.equal(torch.arange(18.0).reshape(3, 6)) and float(model.encoder[0].weight[0, 0]) == 1.0


@pytest.mark.parametrize(
    ("dtype", "beside"),
    [(torch.int8, "head.SCB"), (torch.uint8, "x"), (torch.complex64, "x"), (torch.float8_e4m3fn, "head.weight_scale")],
    ids=str,
)
def test_numbers_that_are_no_weights_as_they_are(dtype: torch.dtype, beside: str, tmp_path: Path) -> None:
    content = {**RAW, "head.weight": RAW["head.weight"].to(dtype), beside: torch.ones(3)}
    with pytest.raises(ImporterError) as caught:
        loaded(content, tmp_path / "x.pth")
    assert caught.value.code == "STATE_DICT_MISMATCH" and str(dtype)[6:] in caught.value.cause


def test_float8_without_scales_is_read(tmp_path: Path) -> None:
    content = {**RAW, "head.weight": RAW["head.weight"].to(torch.float8_e4m3fn)}
    assert float(loaded(content, tmp_path / "x.pth")[0].head.weight[0, 0]) == 1.0


class Trainer:
    """A training's own object, of a class that the importer does not have."""

    def __init__(self, state: Any) -> None:
        self.step, self.agent = 3, types.SimpleNamespace(actor=state)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (collections.defaultdict(int, RAW), ""),
        (argparse.Namespace(model=RAW, rate=1), "model"),
        ({"trainer": Trainer(RAW)}, "trainer.agent.actor"),
        ({"a": {"b": {"c": {"d": {"e": RAW}}}}}, "a.b.c.d.e"),
    ],
    ids=["dictionary of another class", "namespace", "object", "deep"],
)
def test_weights_inside_of_objects(content: Any, place: str, tmp_path: Path) -> None:
    model, notes = loaded(content, tmp_path / "x.pth")
    assert float(model.head.bias[0]) == 1.0 and (not place or f"the checkpoint's '{place}'" in notes)
    with pytest.raises(ImporterError) as caught:
        refuse_early(tmp_path / "x.pth", None, ImportOptions(), allow_pickle=False)
    assert caught.value.code == "STATE_DICT_NEEDS_FACTORY"


def test_arrays_in_the_other_order_of_bytes(tmp_path: Path) -> None:
    arrays = {name: value.numpy().astype(">f4") for name, value in RAW.items() if value.is_floating_point()}
    assert float(loaded(arrays, tmp_path / "x.pth")[0].head.bias[0]) == 1.0


def test_objects_beside_the_weights_in_the_format_before_torch_1_6(tmp_path: Path) -> None:
    shared = torch.arange(18.0)
    state = {**RAW, "head.weight": shared.view(6, 3).t(), "head.bias": shared[3:6]}
    content = {"model": state, "options": argparse.Namespace(rate=1)}
    model, _ = loaded(content, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    assert model.head.weight.equal(shared.view(6, 3).t()) and model.head.bias.tolist() == [3.0, 4.0, 5.0]
    path = tmp_path / "cut.pth"
    path.write_bytes((tmp_path / "x.pth").read_bytes()[:-40])
    with pytest.raises(ImporterError) as caught:
        load_into(Net(), path, recognise(path))
    assert caught.value.code == "FILE_DAMAGED"


def test_a_pickled_modules_weights_go_into_a_factorys_model(tmp_path: Path) -> None:
    """Without permission: nothing of the pickle runs, and its class is not needed."""
    path = tmp_path / "x.pth"
    torch.save({"model": Net(1.0), "ema": Net(2.0)}, path)
    file_kind = recognise(path)
    assert file_kind.kind == "module"
    (tmp_path / "net.py").write_text("class Net: ...\n")
    refuse_early(path, None, ImportOptions(factory=str(tmp_path / "net.py")), allow_pickle=False)
    with pytest.raises(ImporterError) as caught:
        refuse_early(path, None, ImportOptions(), allow_pickle=False)
    assert caught.value.code == "PICKLE_NEEDS_PERMISSION" and "'factory'" in caught.value.remedy
    model = Net()
    load_into(model, path, file_kind)
    assert float(model.head.bias[0]) == 2.0


def test_a_scalar_that_old_files_have_as_one_element(tmp_path: Path) -> None:
    loaded({**RAW, "norm.num_batches_tracked": torch.tensor([3])}, tmp_path / "x.pth")


def test_what_hooks_of_torch_take_is_not_told_as_left_out(tmp_path: Path) -> None:
    old = nn.Sequential(nn.utils.weight_norm(nn.Linear(3, 2)))
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))
    state = {**prefixed(old.state_dict(), "module."), "module.loss": torch.ones(1)}
    _, notes = loaded(state, tmp_path / "x.pth", model)
    assert "'module.loss'" in notes and "weight_g" not in notes
    x = torch.randn(4, 3)
    assert torch.allclose(model(x), old(x), atol=1e-6)


def test_the_index_of_shards_names_what_to_give(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}))
    with pytest.raises(ImporterError) as caught:
        recognise(path)
    assert caught.value.code == "NOT_A_MODEL" and "model-00001-of-" in caught.value.remedy
