"""Weights in other forms than a plain dictionary of plain tensors: sparse ones, pairs, objects, old dictionaries."""

from __future__ import annotations

import argparse
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from importer.errors import ImporterError
from importer.sources.file_kind import recognise
from importer.sources.state_dict import load_into, read_tensors
from tests.importer.sources.test_state_dict import linear, save


def weights() -> dict[str, torch.Tensor]:
    return {"weight": torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]), "bias": torch.tensor([4.0, 5.0])}


def check_loaded(path: Path, weights_option: str = "") -> list[str]:
    model = linear()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(9.0)
    notes = load_into(model, path, recognise(path), weights_option)
    for name, value in weights().items():
        assert torch.equal(model.state_dict()[name], value), name
    return notes


class Slots:
    __slots__ = ("epoch", "net")

    def __init__(self, net: Any) -> None:
        self.epoch, self.net = 3, net


class Attributes(dict[str, Any]):
    """A dictionary whose keys are read as attributes, with attributes of its own."""

    def __init__(self, net: Any) -> None:
        super().__init__(net=net, step=1)
        self.__dict__["net"] = {"unlike": torch.zeros(1)}


@pytest.mark.parametrize("layout", ["coo", "csr", "csc"])
@pytest.mark.parametrize("more", [False, True])
def test_sparse_tensors(layout: str, more: bool, tmp_path: Path) -> None:
    content: dict[str, Any] = weights()
    made = {"coo": torch.Tensor.to_sparse, "csr": torch.Tensor.to_sparse_csr, "csc": torch.Tensor.to_sparse_csc}
    content["weight"] = made[layout](content["weight"])
    file = {"model": content, "options": argparse.Namespace(a=1)} if more else content
    check_loaded(save(file, tmp_path / "x.pth"))


def test_a_sparse_tensor_that_would_fill_the_memory(tmp_path: Path) -> None:
    content: dict[str, Any] = weights()
    content["weight"] = torch.sparse_coo_tensor([[0], [0]], [1.0], (1 << 30, 1 << 30))
    path = save(content, tmp_path / "x.pth")
    with pytest.raises(ImporterError) as caught:
        load_into(linear(), path, recognise(path))
    assert caught.value.code == "STATE_DICT_MISMATCH" and "1073741824" in caught.value.cause


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("kind", [list, tuple])
def test_pairs_of_names_and_tensors(kind: Any, more: bool, tmp_path: Path) -> None:
    pairs = kind(weights().items())
    file = {"net": pairs, "options": argparse.Namespace(a=1)} if more else pairs
    notes = check_loaded(save(file, tmp_path / "x.pth"))
    assert notes == (["Took the weights from the checkpoint's 'net'."] if more else [])


def test_pairs_of_parameters(tmp_path: Path) -> None:
    model = linear()
    model.load_state_dict(weights())
    check_loaded(save(list(model.named_parameters()), tmp_path / "x.pth"))


def test_an_ordered_dictionary_as_python_2_wrote_it(tmp_path: Path) -> None:
    """It calls the class with all pairs, where Python 3 sets one after the other."""

    class Old(OrderedDict[str, Any]):
        def __reduce__(self) -> Any:
            return OrderedDict, ([[name, value] for name, value in self.items()],)

    check_loaded(save(Old(weights()), tmp_path / "x.pth"))


def test_attributes_in_slots(tmp_path: Path) -> None:
    check_loaded(save({"trainer": Slots(weights())}, tmp_path / "x.pth"))


def test_a_dictionary_whose_keys_are_attributes(tmp_path: Path) -> None:
    check_loaded(save(Attributes(weights()), tmp_path / "x.pth"))


def test_sparse_indices_outside_of_the_tensor(tmp_path: Path) -> None:
    content: dict[str, Any] = weights()
    content["weight"] = torch.sparse_coo_tensor([[50], [0]], [1.0], (2, 3), check_invariants=False)
    path = save(content, tmp_path / "x.pth")
    with pytest.raises(ImporterError) as caught:
        read_tensors(path, recognise(path))
    assert caught.value.code == "FILE_DAMAGED" and "indices" in caught.value.cause


def test_a_list_of_tensors_is_called_that(tmp_path: Path) -> None:
    path = save([*weights().values()], tmp_path / "x.pth")
    with pytest.raises(ImporterError) as caught:
        recognise(path)
    assert caught.value.code == "NO_MODEL_INSIDE" and "a list of 2 values without names" in caught.value.cause


def test_a_numbered_dictionary_that_does_not_fit(tmp_path: Path) -> None:
    path = save({"net": {str(number): torch.zeros(7) for number in range(3)}}, tmp_path / "x.pth")
    with pytest.raises(ImporterError) as caught:
        load_into(linear(), path, recognise(path))
    assert caught.value.code == "STATE_DICT_MISMATCH"
