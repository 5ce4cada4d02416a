"""TorchScript with exported methods beside `forward`, with inputs in structures, and with state in attributes.

Annotations are not texts here (`from __future__`): TorchScript cannot resolve those of a class's attributes.
"""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple  # noqa: UP035

import pytest
import torch
from torch import nn

from importer.cache.cache import Artifact
from importer.errors import ImporterError
from tests.importer.conftest import Convert


class Coder(nn.Module):
    """forward calls its exported methods; another one would need an input of its own, or is of no use in a program."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.down, self.up = nn.Linear(8, 3), nn.Linear(3, 8)
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.down(x))

    @torch.jit.export
    def decode(self, code: torch.Tensor) -> torch.Tensor:
        return self.up(code)

    @torch.jit.export
    def scaled(self, x: torch.Tensor, by: float) -> torch.Tensor:
        return x * by

    @torch.jit.export
    def reset(self) -> None:
        self.seen[:] = 0.0


def saved(module: nn.Module, path: Path) -> Path:
    torch.jit.script(module.eval()).save(str(path))
    return path


def call(artifact: Artifact, method: str, *inputs: torch.Tensor) -> list[torch.Tensor]:
    """The tensors of a call."""
    import executorch.kernels.quantized  # noqa: F401
    from executorch.runtime import Runtime

    loaded = Runtime.get().load_program(str(artifact.payload)).load_method(method)
    assert loaded is not None
    return [value.clone() for value in loaded.execute(list(inputs)) if isinstance(value, torch.Tensor)]


def names(artifact: Artifact, side: str = "inputs", method: int = 0) -> list[str]:
    return [item["name"] for item in artifact.metadata["methods"][method][side]]


def method_names(artifact: Artifact) -> list[str]:
    return sorted(method["name"] for method in artifact.metadata["methods"])


def left_out(artifact: Artifact) -> dict[str, str]:
    notes = [note for note in artifact.metadata["notes"] if note.startswith("Left out")]
    return {note.split("'")[1]: note for note in notes}


def test_exported_methods_are_methods_of_the_program(tmp_path: Path, convert_file: Convert) -> None:
    module = Coder().eval()
    path = saved(module, tmp_path / "coder.pt")
    artifact = convert_file(path, inputs="x: float32[1,8]; code: float32[1,3]")
    assert method_names(artifact) == ["decode", "encode", "forward"]
    x, code = torch.randn(1, 8), torch.randn(1, 3)
    with torch.no_grad():
        assert torch.allclose(call(artifact, "encode", x)[0], module.encode(x), atol=1e-5)
        assert torch.allclose(call(artifact, "decode", code)[0], module.decode(code), atol=1e-5)
        assert torch.allclose(call(artifact, "forward", x)[0], module(x), atol=1e-5)
    notes = left_out(artifact)
    assert sorted(notes) == ["reset", "scaled"]
    assert "float" in notes["scaled"] and "returns nothing" in notes["reset"]


def test_methods_whose_inputs_are_not_declared_are_left_out(tmp_path: Path, convert_file: Convert) -> None:
    artifact = convert_file(saved(Coder(), tmp_path / "coder.pt"), inputs="float32[1,8]")
    assert method_names(artifact) == ["encode", "forward"]
    assert "'inputs' may declare code" in left_out(artifact)["decode"]


class Stateful(nn.Module):
    total: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.total = self.total + x
        return self.total * 2.0

    @torch.jit.export
    def peek(self, x: torch.Tensor) -> torch.Tensor:
        return self.total + x

    @torch.jit.export
    def twice(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2.0


def test_a_method_that_shares_state_is_left_out_and_an_assigned_buffer_is_state(
    tmp_path: Path, convert_file: Convert
) -> None:
    artifact = convert_file(saved(Stateful(), tmp_path / "stateful.pt"), inputs="x: float32[3]")
    assert method_names(artifact) == ["forward", "twice"]
    assert "share the buffer 'total'" in left_out(artifact)["peek"]
    import executorch.kernels.quantized  # noqa: F401
    from executorch.extension.pybindings import _C

    method = _C._load_program(str(artifact.payload)).load_method("forward")
    found = [method.call([torch.ones(3)])[0].tolist() for _ in range(3)]
    assert found == [[4.0] * 3, [6.0] * 3, [8.0] * 3]


class Paired(nn.Module):
    state: Tuple[torch.Tensor, torch.Tensor]  # noqa: UP006

    def __init__(self) -> None:
        super().__init__()
        self.state = (torch.zeros(3), torch.zeros(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.state = (self.state[0] + x, self.state[1] - x)
        return self.state[0] * 2.0


def test_state_in_a_tuple_is_refused_by_its_name(tmp_path: Path, convert_file: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_file(saved(Paired(), tmp_path / "paired.pt"), inputs="x: float32[3]")
    assert caught.value.code == "PYTHON_STATE" and "'state'" in caught.value.cause


class Dictionary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(12 + 8, 4)

    def forward(self, obs: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:  # noqa: UP006
        action = self.head(torch.cat([obs["camera"].flatten(1), obs["numbers"]], 1))
        return {"action": action, "value": action.sum(1)}


class Tuples(nn.Module):
    def forward(
        self,
        x: torch.Tensor,
        state: Tuple[torch.Tensor, Tuple[torch.Tensor, torch.Tensor]],  # noqa: UP006
    ) -> Tuple[torch.Tensor, Tuple[torch.Tensor, torch.Tensor]]:  # noqa: UP006
        h, (c, d) = state
        return x + h, (c * 2.0, d * 3.0)


class Listed(nn.Module):
    def forward(self, items: List[torch.Tensor], bias: Optional[torch.Tensor] = None) -> torch.Tensor:  # noqa: UP006, UP045
        total = torch.zeros(3)
        for item in items:
            total = total + item
        return total if bias is None else total + bias


class Mixed(nn.Module):
    def forward(self, obs: Dict[str, torch.Tensor], memory: torch.Tensor, scale: float = 2.0) -> torch.Tensor:  # noqa: UP006
        return (obs["a"] - obs["b"] + memory) * scale


STRUCTURES: list[tuple[nn.Module, str, list[str]]] = [
    (Dictionary(), "numbers: float32[1,8]; camera: float32[1,3,2,2]", ["numbers", "camera"]),
    (Dictionary(), "camera: float32[n:1..8,3,2,2]; numbers: float32[n,8]", ["camera", "numbers"]),
    (Tuples(), "x: float32[3]; state_0: float32[3]; state_1_0: float32[3]; state_1_1: float32[3]", []),
    (Tuples(), "x: float32[3]; h: float32[3]; c: float32[3]; d: float32[3]", ["x", "h", "c", "d"]),
    (Tuples(), "float32[3]; float32[3]; float32[3]; float32[3]", ["x", "state_0", "state_1_0", "state_1_1"]),
    (Listed(), "items_0: float32[3]; items_1: float32[3]; items_2: float32[3]", []),
    (Listed(), "items_0: float32[3]; items_1: float32[3]; bias: float32[3]", ["items_0", "items_1", "bias"]),
    (Mixed(), "memory: float32[3]; b: float32[3]; a: float32[3]", ["b", "a", "memory"]),
]


@pytest.mark.parametrize(("module", "inputs", "expected"), STRUCTURES)
def test_tensors_in_structures_are_declared_by_their_names(
    module: nn.Module, inputs: str, expected: list[str], tmp_path: Path, convert_file: Convert
) -> None:
    artifact = convert_file(saved(module, tmp_path / "x.pt"), inputs=inputs)
    found = names(artifact)
    assert found == (expected or [part.split(":")[0].strip() for part in inputs.split(";")])
    given = {item["name"]: torch.randn(item["shape"]) for item in artifact.metadata["methods"][0]["inputs"]}
    with torch.no_grad():
        right = _eager(module, given)
    for left, got in zip(right, call(artifact, "forward", *given.values()), strict=True):
        assert torch.allclose(left, got, atol=1e-5)
    if isinstance(module, Dictionary):
        assert names(artifact, "outputs") == ["action", "value"]


def _eager(module: nn.Module, given: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    values: Any = list(given.values())
    if isinstance(module, Tuples):
        values = [values[0], (values[1], (values[2], values[3]))]
    elif isinstance(module, Listed):
        values = [values[:2], values[2]] if "bias" in given else [values]
    elif isinstance(module, Mixed):
        values = [{"a": given["a"], "b": given["b"]}, given["memory"]]
    else:
        values = [given]
    return list(torch.utils._pytree.tree_leaves(module(*values)))


class Point(NamedTuple):
    x: torch.Tensor
    y: torch.Tensor


class Named(nn.Module):
    def forward(self, point: Point) -> torch.Tensor:
        return point.x + point.y


class Flag(nn.Module):
    def forward(self, x: torch.Tensor, flag: bool) -> torch.Tensor:
        return x * 2 if flag else x


def test_what_the_declaration_lacks_is_told(tmp_path: Path, convert_file: Convert) -> None:
    path = saved(Dictionary(), tmp_path / "dictionary.pt")
    with pytest.raises(ImporterError) as caught:
        convert_file(path)
    assert caught.value.code == "INPUTS_NEEDED" and "camera, numbers" in caught.value.cause
    with pytest.raises(ImporterError) as caught:
        convert_file(path, inputs="float32[1,3,2,2]; float32[1,8]")
    assert caught.value.code == "INPUTS_MISMATCH" and "by its keys" in caught.value.remedy
    path = saved(Tuples(), tmp_path / "tuples.pt")
    with pytest.raises(ImporterError) as caught:
        convert_file(path, inputs="x: float32[3]; h: float32[3]")
    assert caught.value.code == "INPUTS_MISMATCH" and "Tuple[Tensor, Tuple[Tensor, Tensor]]" in caught.value.cause
    for module, word in ((Named(), "NamedTuple"), (Flag(), "bool")):
        path = saved(module, tmp_path / f"{word}.pt")
        with pytest.raises(ImporterError) as caught:
            convert_file(path, inputs="x: float32[3]; y: float32[3]")
        assert caught.value.code == "INPUT_NOT_A_TENSOR" and word in caught.value.cause


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.out = nn.GRUCell(8, 16), nn.Linear(16, 2)
        self.register_buffer("state", torch.zeros(1, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.state = self.cell(x, self.state)
        return self.out(self.state)


def test_a_script_that_was_run_before_it_was_saved(tmp_path: Path, convert_file: Convert) -> None:
    """Its state has a gradient, to which the program could not write."""
    script = torch.jit.script(Remembers().eval())
    script(torch.randn(1, 8))
    script.save(str(tmp_path / "ran.pt"))
    artifact = convert_file(tmp_path / "ran.pt", inputs="x: float32[1,8]")
    x = torch.randn(1, 8)
    with torch.no_grad():
        assert torch.allclose(call(artifact, "forward", x)[0], script(x), atol=1e-5)
