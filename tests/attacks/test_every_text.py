"""Every text in an exported program's description, one after the other, is Python that makes the canary."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import expression

# What torch makes of texts: expressions, names in source, keys between quotes, lines, modules.
PAYLOADS = ("{code}", "x={code}", "a'+str({code})+'", "x = 1; {code}; y")
MAPS = ("tensor_values", "sym_int_values", "range_constraints", "opset_version", "metadata")  # their keys are texts too


def _program(path: Path) -> None:
    """With a branch, varying sizes, an argument by name, a buffer that changes, and texts as arguments."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 4)
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> dict[str, torch.Tensor]:
            self.calls += 1
            y = torch.nn.functional.gelu(self.layer(x), approximate="tanh") * scale
            y = torch.cond(scale.sum() > 0, lambda value: value + 1, lambda value: value - 1, (y,))
            return {"out": torch.einsum("bi,bj->bij", y, y), "flat": y.reshape(x.shape[0] * 4)}

    size = torch.export.Dim("size", min=2, max=9)
    shapes = {"x": {0: size}, "scale": None}
    arguments = (torch.ones(3, 4),), {"scale": torch.ones(1)}
    torch.export.save(torch.export.export(Net(), *arguments, dynamic_shapes=shapes), path)


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each text; of a key, the way ends with None."""
    if isinstance(value, dict):
        for key, item in value.items():
            if way and way[-1] in MAPS:
                yield (*way, key, None)
            yield from _places(item, (*way, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*way, index))
    elif isinstance(value, str):
        yield way


def _put(value: Any, way: tuple[Any, ...], text: str) -> Any:
    """A copy of the value with another text in one place."""
    first, *rest = way
    if rest == [None]:
        return {text if key == first else key: item for key, item in value.items()}
    inner = text if not rest else _put(value[first], tuple(rest), text)
    if isinstance(value, dict):
        return {**value, first: inner}
    return [*value[:first], inner, *value[first + 1 :]]


def _kind(way: tuple[Any, ...]) -> tuple[Any, ...]:
    """Which field it is, whatever the node: the names on the way, without indexes and names of tensors."""
    names = [part for part in way if isinstance(part, str) and not part.isdigit()]
    return (*names[-3:], way[-1] is None)


def test_no_text_has_an_effect(tmp_path: Path) -> None:
    import torch
    from torch.export.pt2_archive._package import load_pt2

    from importer.sources.checked_copy.program_copy import copy_of_program
    from importer.sources.checked_copy.program_json import Refused, rewrite_program
    from importer.sources.zip_archive import open_archive, write_copy

    base, canary = tmp_path / "base.pt2", tmp_path / "canary"
    _program(base)
    with zipfile.ZipFile(base) as archive:
        name = next(name for name in archive.namelist() if "/models/" in name)
        program = json.loads(archive.read(name))
    places = {_kind(way): way for way in _places(program)}
    assert len(places) > 40
    loaded = 0
    for way in places.values():
        for payload in PAYLOADS:
            changed = _put(program, way, payload.format(code=expression(canary)))
            with contextlib.suppress(Refused):
                rewrite_program(changed)
                with open_archive(base) as archive, (tmp_path / "x.pt2").open("wb") as file:
                    write_copy(archive, file, {name: json.dumps(changed).encode()})
                with contextlib.suppress(Exception), copy_of_program(tmp_path / "x.pt2", tmp_path) as copy:
                    module = load_pt2(str(copy)).exported_programs["model"].module()
                    loaded += 1
                    module(torch.ones(3, 4), scale=torch.ones(1))
            assert not canary.exists(), way
    assert loaded > 10
