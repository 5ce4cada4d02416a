"""Which class or function a state dict belongs to, found without running any Python of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from importer.cache.cache import Cache
from importer.errors import ImporterError
from importer.inputs import examples
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.sources.architecture.guess import guess_factories
from importer.sources.early_checks import refuse_early
from importer.sources.factory import Factory

POLICY = """
import torch
from torch import nn

raise_when_run = 1 // 0

class Policy(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, hidden), nn.Tanh(), nn.Linear(hidden, hidden))
        self.head = nn.Linear(hidden, 3)

    def forward(self, obs):
        return self.head(self.body(obs))
"""
BLOCKS = """
import torch.nn as nn

WIDTH = 16

class Block(nn.Module):
    def __init__(self, inside: int, outside: int):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outside)

class Net(nn.Module):
    def __init__(self, classes: int, width: int = WIDTH):
        super().__init__()
        self.blocks = nn.ModuleList([Block(3, width), Block(width, 2 * width)])
        self.memory = nn.GRU(2 * width, width)
        self.head = nn.Linear(width, classes)

    def forward(self, image):
        return image

def small():
    model = Net(5, width=8)
    return model
"""


def shapes_of(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def made(code: str, name: str, *arguments: Any) -> torch.nn.Module:
    scope: dict[str, Any] = {}
    exec(code.replace("1 // 0", "1"), scope)
    module: torch.nn.Module = scope[name](*arguments)
    return module


@pytest.mark.parametrize(
    ("code", "module", "wanted"),
    [
        (POLICY, ("Policy",), {"factory": "res://net.py:Policy", "inputs": "obs: float32[1,8]"}),
        (POLICY, ("Policy", 48), {"factory": "res://net.py:Policy", "factory_arguments": '{"hidden": 48}'}),
        (BLOCKS, ("Net", 4), {"factory": "res://net.py:Net", "factory_arguments": '{"classes": 4}'}),
        (BLOCKS, ("Net", 4, 32), {"factory_arguments": '{"classes": 4, "width": 32}'}),
        (BLOCKS, ("small",), {"factory": "res://net.py:small"}),
    ],
)
def test_a_definition_that_fits_is_found(
    code: str, module: tuple[Any, ...], wanted: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    tensors = shapes_of(made(code, *module))
    for prefix in ("", "module."):
        given = {prefix + name: shape for name, shape in tensors.items()}
        first = guess_factories(tmp_path / "net.pth", tmp_path, given)[0]
        assert wanted.items() <= first.options.items(), first


def test_what_does_not_fit_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(POLICY, encoding="utf-8")
    (tmp_path / "broken.py").write_text("class (", encoding="utf-8")
    tensors = shapes_of(made(POLICY, "Policy"))
    for change in ({"extra.weight": (2, 2)}, {"head.weight": (3, 63)}, {"body.0.weight": (64, 8, 1)}):
        assert guess_factories(tmp_path / "net.pth", tmp_path, {**tensors, **change}) == []
    del tensors["head.bias"]
    assert guess_factories(tmp_path / "net.pth", tmp_path, tensors) == []


def test_a_function_that_trains_is_not_offered(tmp_path: Path) -> None:
    """It returns a model that fits, after minutes or days."""
    training = "def trained():\n    model = Policy()\n    loss(model).backward()\n    return model\n"
    (tmp_path / "train.py").write_text(POLICY + training, encoding="utf-8")
    guesses = guess_factories(tmp_path / "net.pth", None, shapes_of(made(POLICY, "Policy")))
    assert {guess.options["factory"] for guess in guesses} == {f"{tmp_path / 'train.py'}:Policy"}


def test_the_error_asks_for_inputs_that_are_not_guessed(tmp_path: Path) -> None:
    """The next call asked for them, so that the third one was the first to succeed."""
    code = "from torch import nn\n\ndef build():\n    return nn.Linear(8, 3)\n"
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    torch.save(torch.nn.Linear(8, 3).state_dict(), tmp_path / "net.pth")
    for options, asks in ((ImportOptions(), True), (ImportOptions(inputs="float32[1,8]"), False)):
        with pytest.raises(ImporterError, match="may build the model") as raised:
            refuse_early(tmp_path / "net.pth", None, options, False)
        assert ("the option 'inputs'" in raised.value.remedy) == asks


def test_files_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("new", "old"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(POLICY, encoding="utf-8")
    guesses = guess_factories(tmp_path / "old" / "net.pth", tmp_path, shapes_of(made(POLICY, "Policy")))
    titles = [guess.title for guess in guesses]
    assert titles[0] == "Use Policy of res://old/net.py: one sample per call"
    assert len(set(titles)) == len(titles) == 4


def test_the_error_carries_the_guess_and_the_guess_converts(tmp_path: Path) -> None:
    (tmp_path / "policy_net.py").write_text(POLICY.replace("1 // 0", "1"), encoding="utf-8")
    torch.save(made(POLICY, "Policy", 32).state_dict(), tmp_path / "policy.pth")
    with pytest.raises(ImporterError) as caught:
        refuse_early(tmp_path / "policy.pth", tmp_path, ImportOptions(), False)
    assert caught.value.code == "STATE_DICT_NEEDS_FACTORY"
    guess, many = caught.value.data()["guesses"]
    assert ImporterError(**caught.value.data()).guesses == [guess, many]
    assert [guess["options"]["inputs"], many["options"]["inputs"]] == ["obs: float32[1,8]", "obs: float32[N:1..64,8]"]
    assert guess["title"] == "Use Policy of policy_net.py: one sample per call"
    assert many["title"] == "Use Policy of policy_net.py: 1 to 64 samples per call"
    options = ImportOptions.from_mapping({**guess["options"], "recipe": "portable"})
    artifact = convert(tmp_path / "policy.pth", project=tmp_path, cache=Cache(tmp_path / "cache"), options=options)
    assert artifact.metadata["methods"][0]["inputs"][0]["name"] == "obs"


def test_inputs_are_guessed_for_one_sample_and_for_a_batch() -> None:
    guesses = examples.needed(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8, 2))).guesses
    assert [guess["options"]["inputs"] for guess in guesses] == ["input: float32[1,8]", "input: float32[N:1..64,8]"]
    assert guesses[1]["title"] == "1 to 64 samples per call: input: float32[N:1..64,8]"


class Masked(torch.nn.Module):
    """A policy with a mask of its actions; which of two inputs the first layer takes is not in its shape."""

    def __init__(self, mask: str) -> None:
        super().__init__()
        self.body, self.head, self.mask = torch.nn.Linear(5, 16), torch.nn.Linear(16, 2), mask

    def forward(self, obs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self.mask == "joined":
            return self.head(self.body(torch.cat([obs, mask], 1)).tanh())
        logits = self.head(self.body(obs).tanh())
        return logits.masked_fill(mask, -1e9) if self.mask == "bool" else logits + mask


@pytest.mark.parametrize(("mask", "dtype"), [("added", "float32"), ("bool", "bool")])
def test_a_second_input_is_offered_where_the_model_runs_with_one_size_only(mask: str, dtype: str) -> None:
    error = examples.needed(Masked(mask).eval())
    wanted = [f"obs: float32[1,5]; mask: {dtype}[1,2]", f"obs: float32[N:1..64,5]; mask: {dtype}[N:1..64,2]"]
    assert [guess["options"]["inputs"] for guess in error.guesses] == wanted
    assert wanted[0] in error.remedy and "example_inputs" not in error.remedy


def test_no_size_is_made_up_for_what_is_not_known() -> None:
    error = examples.needed(Masked("joined").eval(), factory="net.py")
    assert error.guesses == [] and "`obs: float32[...]; mask: float32[...]`" in error.remedy
    assert "Its first layer takes, for example, float32[1,5]. Or write a function" in error.remedy


@pytest.mark.parametrize("factory", ["res://net.py:Policy", "res://net.py"])
def test_a_class_is_as_good_as_a_function(factory: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(POLICY.replace("1 // 0", "1"), encoding="utf-8")
    module = Factory(ImportOptions(factory=factory, factory_arguments='{"hidden": 16}'), tmp_path).build()
    assert module.head.weight.shape == (3, 16)


PICTURES = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(400, 2)

    def forward(self, picture):
        return self.head(self.conv(picture).flatten(1))
"""


def test_a_size_of_pictures_is_offered_when_the_model_runs_with_it(tmp_path: Path) -> None:
    """The first layer says how many channels there are; 28 x 28 was offered to a network of 12 x 12."""
    (tmp_path / "net.py").write_text(PICTURES, encoding="utf-8")
    model = made(PICTURES, "Net")
    (guess,) = guess_factories(tmp_path / "net.pth", tmp_path, shapes_of(model))
    assert guess.options == {"factory": "res://net.py:Net"}
    error = examples.needed(model)
    assert [guess["options"]["inputs"] for guess in error.guesses][:1] == ["picture: float32[1,1,12,12]"]
    model.head = torch.nn.Linear(4 * 49 * 49, 2)
    error = examples.needed(model)
    assert error.guesses == [] and "28,28" not in error.remedy
    model.head = torch.nn.Linear(4 * 26 * 26, 2)
    assert "`picture: float32[1,1,28,28]`" in examples.needed(model).remedy


def test_a_size_of_pictures_is_offered_when_no_layer_needs_another(tmp_path: Path) -> None:
    code = PICTURES.replace("400, 2", "4, 2").replace(".flatten(1)", ".mean((2, 3))")
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    guess, _ = guess_factories(tmp_path / "net.pth", tmp_path, shapes_of(made(code, "Net")))
    assert guess.options["inputs"] == "picture: float32[1,1,28,28]"
