"""What no program can do as eager does is refused with its reason: random draws, counters in Python."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

from importer.errors import ImporterError
from importer.exporting.export import export
from importer.inputs.nested import register_structures
from importer.model import Arguments, Method, Source, SourceMethod

X: Arguments = ((torch.ones(1, 4),), {})


def exported(module: nn.Module, example: Arguments = X) -> tuple[Method, list[str]]:
    source = Source([SourceMethod("forward", module.eval(), None, example)])
    (method,) = export(source)
    return method, source.notes


class Noise(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        draws = {
            "rand": lambda: x + torch.rand(1, 4),
            "randn_like": lambda: x + torch.randn_like(x),
            "normal": lambda: torch.normal(x, 1.0),
            "bernoulli": lambda: torch.bernoulli(x.sigmoid()),
            "multinomial": lambda: torch.multinomial(x.softmax(-1), 1),
            "dropout": lambda: functional.dropout(x, 0.5),
        }
        return draws[self.kind]()


@pytest.mark.parametrize("kind", ["rand", "randn_like", "normal", "bernoulli", "multinomial", "dropout"])
def test_random_draws(kind: str) -> None:
    with pytest.raises(ImporterError) as caught:
        exported(Noise(kind))
    assert caught.value.code == "RANDOM_DRAWS" and kind.partition("_")[0] in caught.value.cause
    assert ("eval()" in caught.value.remedy) == (kind == "dropout")


def test_dropout_that_is_off_and_draws_that_nobody_reads() -> None:
    class Quiet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
            self.memory = nn.GRU(4, 4, 2, dropout=0.5, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.rand(2)
            return functional.dropout(self.memory(self.attend(x))[0], 0.5, self.training)

    exported(Quiet(), ((torch.randn(1, 3, 4),), {}))


class Counter(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.steps, self.seen = kind, 0, []
        self.scale: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        if self.kind == "used":
            return x * self.steps
        if self.kind == "list":
            self.seen.append(1)
            return x + len(self.seen)
        if self.scale is None:
            self.scale = torch.tensor(2.0)
        return x * 2


@pytest.mark.parametrize(("kind", "name"), [("used", "'steps'"), ("list", "'seen'")])
def test_a_counter_that_results_depend_on(kind: str, name: str) -> None:
    module = Counter(kind)
    with pytest.raises(ImporterError) as caught:
        exported(module)
    assert (
        caught.value.code == "PYTHON_STATE" and name in caught.value.cause and "register_buffer" in caught.value.remedy
    )
    assert module.steps == 0 and not module.seen


def test_a_counter_that_no_result_depends_on() -> None:
    module = Counter("unused")
    method, notes = exported(module)
    assert any("'steps'" in note and "first value" in note for note in notes) and module.steps == 0
    assert method.program.module()(*X[0]).equal(torch.full((1, 4), 2.0))


class Steps(nn.Module):
    def __init__(self, used: bool) -> None:
        super().__init__()
        self.steps, self.used = 0, used

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        return x * self.steps if self.used else x * 2


def test_a_counter_of_a_script() -> None:
    with pytest.raises(ImporterError) as caught:
        exported(torch.jit.script(Steps(True)))
    assert caught.value.code == "PYTHON_STATE" and "'steps'" in caught.value.cause
    script = torch.jit.script(Steps(False))
    exported(script)
    assert script.steps == 0


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.GRU(8, 4, batch_first=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.memory(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[1]


@pytest.mark.parametrize("scripted", [False, True])
def test_packed_sequences(scripted: bool) -> None:
    module = Packed().eval()
    with pytest.raises(ImporterError) as caught:
        exported(torch.jit.script(module) if scripted else module, ((torch.randn(2, 6, 8), torch.tensor([6, 4])), {}))
    assert caught.value.code == "EXPORT_DATA_DEPENDENT" and "pack_padded_sequence" in caught.value.cause


@dataclasses.dataclass
class Result:
    mean: torch.Tensor
    hidden: torch.Tensor | None = None


class Structured(nn.Module):
    def forward(self, x: torch.Tensor) -> Result:
        return Result(x * 2)


def test_a_data_class_that_torch_does_not_know() -> None:
    method, _ = exported(Structured())
    assert [spec.name for spec in method.outputs] == ["mean"]
    register_structures(Result(torch.ones(1)))  # again, as a second conversion does
