"""The inputs of a TorchScript archive's forward, from its code and its pickle; nothing is run. Standard library
only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.inputs.first_layer import example_input
from importer.sources import pickle_reader
from importer.sources.inert_values import entries, tensor_info
from importer.sources.pickle_reader import Call, Global, Unreadable
from importer.sources.zip_archive import open_archive

_MOST_CODE_BYTES = 4 << 20
_DEEPEST = 32


@dataclass(frozen=True)
class ScriptInputs:
    """names: of forward's tensors. guess: what the first layer takes, or empty."""

    names: list[str]
    guess: str


def script_inputs(path: Path) -> ScriptInputs | None:
    """The inputs of a script whose forward takes tensors only; nothing where torch has to say more."""
    try:
        with open_archive(path) as archive:
            data = archive.read(f"{archive.root}data.pkl", pickle_reader.MOST_PICKLE_BYTES)
            value = pickle_reader.scan(data, 0, pickle_reader.most_steps(path.stat().st_size)).value
            if not isinstance(value, Call) or not isinstance(value.function, Global):
                return None
            module, _, name = value.function.name.rpartition(".")
            code = archive.read(f"{archive.root}code/{module.replace('.', '/')}.py", _MOST_CODE_BYTES)
    except (Unreadable, KeyError, OSError):
        return None
    names = _forward(code.decode(errors="replace"), name)
    found = ScriptInputs(names, next(_guesses(value, 0), ""))
    # Else torch guesses better: it has the model, and can run it with several inputs.
    return found if names and bool(found.guess) == (len(names) == 1) else None


def _forward(code: str, name: str) -> list[str]:
    pattern = rf"^class {re.escape(name)}\(Module\):$.*?^  def forward\(self: [\w.]+(.*?)\) ->"
    found = re.search(pattern, code, re.DOTALL | re.MULTILINE)
    given = [item.strip() for item in found.group(1).split(",") if item.strip()] if found else []
    named = [re.fullmatch(r"(\w+): Tensor", item) for item in given]
    return [match.group(1) for match in named if match] if all(named) else []


def _guesses(value: Any, depth: int) -> Iterator[str]:
    """From layers with a weight, in the order of the modules."""
    if not isinstance(value, Call) or depth > _DEEPEST:
        return
    state = entries(value.state)
    kind = value.function.name.rpartition(".")[2] if isinstance(value.function, Global) else ""
    info = tensor_info(state.get("weight", state.get("weight_ih_l0")))
    if info is not None:
        groups, batch_first = state.get("groups", 1), state.get("batch_first") is True
        if found := example_input(kind, info.shape, groups if isinstance(groups, int) else 1, batch_first):
            yield "" if kind.startswith("Conv") else found  # torch can run it, and so find the size of pictures
    for item in state.values():
        yield from _guesses(item, depth + 1)
