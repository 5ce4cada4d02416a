"""Where a call of forward has the tensors that the option `inputs` declares: as arguments of their own, or in the
dictionaries, tuples and data classes that forward takes. Imports torch."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import itertools
import typing
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from importer.inputs import nested
from importer.inputs.arguments import BY_POSITION, by_signature
from importer.inputs.made_up import example_shape, make_tensor
from importer.model import Arguments
from importer.signature import TensorSpec

_DEEPEST = 4  # dictionaries inside of each other
_Leaves = dict[str, tuple[TensorSpec, torch.Tensor]]


def placed(module: nn.Module, declared: list[TensorSpec]) -> Arguments | None:
    """A call with specs in place of tensors: the first structure that eager PyTorch accepts. None when the declared
    tensors are forward's arguments themselves, and when it accepts none."""
    if isinstance(module, torch.jit.ScriptModule):
        return None
    parameters = inspect.signature(module.forward).parameters
    for call in _candidates(module, parameters, declared):
        if accepts(module, with_example_tensors(call)):
            return call
    return _probed(module, parameters, declared)


def accepts(module: nn.Module, call: Arguments) -> bool:
    """Whether eager PyTorch runs with these arguments; the module is not changed."""
    try:
        with torch.no_grad():
            copy.deepcopy(module)(*call[0], **call[1])
    except Exception:
        return False
    return True


def with_example_tensors(call: Arguments) -> Arguments:
    """The call with a tensor for each spec."""
    result: Arguments = pytree.tree_map(_tensor, call)
    return result


def _tensor(spec: TensorSpec) -> torch.Tensor:
    return make_tensor(spec, example_shape(spec))


def _candidates(module: nn.Module, parameters: Any, declared: list[TensorSpec]) -> Iterator[Arguments]:
    by_position = [name for name, item in parameters.items() if item.kind in BY_POSITION]
    if not all(spec.name for spec in declared):
        for count in dict.fromkeys([len(_required(parameters)), len(by_position)]):
            if 0 < count < len(declared) and not _takes_any_number(parameters):
                first, rest = declared[: count - 1], declared[count - 1 :]
                yield (*first, tuple(rest)), {}
                yield (*first, list(rest)), {}
        return
    known = {spec.name: spec for spec in declared if _is_own(parameters, spec.name)}
    others = [spec for spec in declared if spec.name not in known]
    if not others:
        if any(name not in by_position for name in known):
            yield by_signature(parameters, (), known)
        return
    if any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values()):
        yield by_signature(parameters, (), {**known, **{spec.name: spec for spec in others}})
    for holder in _holders(parameters, known):
        for value in _containers(module, holder, others):
            yield by_signature(parameters, (), {**known, holder: value})
    if _takes_any_number(parameters) and not by_position:
        yield tuple(declared), {}
    # `forward(self, obs)` that reads obs["obs"].
    if len(by_position) == 1 and known:
        yield ({spec.name: spec for spec in declared},), {}


def _is_own(parameters: Any, name: str) -> bool:
    return name in parameters and parameters[name].kind in (*BY_POSITION, inspect.Parameter.KEYWORD_ONLY)


def _takes_any_number(parameters: Any) -> bool:
    return any(item.kind is inspect.Parameter.VAR_POSITIONAL for item in parameters.values())


def _required(parameters: Any) -> list[str]:
    """The names of parameters that have no default."""
    kinds = (*BY_POSITION, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, item in parameters.items() if item.kind in kinds and item.default is inspect.Parameter.empty]


def _holders(parameters: Any, known: dict[str, TensorSpec]) -> list[str]:
    """The parameters of which one may hold all other tensors: the one that must be given, else any of the rest."""
    free = [name for name in _required(parameters) if name not in known]
    if free:
        return free if len(free) == 1 else []
    return [name for name in parameters if _is_own(parameters, name) and name not in known]


def _containers(module: nn.Module, holder: str, specs: list[TensorSpec]) -> Iterator[Any]:
    items = {spec.name: spec for spec in specs}
    kind = _annotations(module).get(holder)
    if isinstance(kind, type):
        fields = getattr(kind, "_fields", ())
        if dataclasses.is_dataclass(kind):
            fields = tuple(field.name for field in dataclasses.fields(kind))
        if set(fields) == set(items):
            nested.register_structures(kind(**{name: torch.empty(0) for name in items}))
            yield kind(**items)
    yield items
    yield tuple(specs)
    yield list(specs)


def _annotations(module: nn.Module) -> dict[str, Any]:
    try:
        return typing.get_type_hints(type(module).forward)
    except Exception:  # a name that only a type checker knows
        return {}


class _Probe(dict[Any, Any]):
    """A dictionary that holds a declared tensor under its name, under `cams` a list of `cams_0`, `cams_1` and so on,
    and under any other key a dictionary like itself."""

    def __init__(self, leaves: _Leaves, depth: int = 0) -> None:
        super().__init__()
        self._leaves, self._depth = leaves, depth

    def __missing__(self, key: Any) -> Any:
        if self._depth >= _DEEPEST:
            raise KeyError(key)
        if key in self._leaves:
            self[key] = self._leaves[key][1]
        elif items := _numbered(key, self._leaves):
            self[key] = [tensor for _, tensor in items]
        else:
            self[key] = _Probe(self._leaves, self._depth + 1)
        return self[key]

    def __contains__(self, key: object) -> bool:
        return key in self._leaves or bool(_numbered(key, self._leaves)) or super().__contains__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401  (it would call itself)

    def read(self) -> dict[Any, Any]:
        """What was looked up, with specs in place of tensors."""
        return {key: _read(key, value, self._leaves) for key, value in self.items()}


def _read(key: Any, value: Any, leaves: _Leaves) -> Any:
    """The specs of what was looked up under a key, or given as an argument of this name."""
    if isinstance(value, _Probe):
        return value.read()
    return [spec for spec, _ in _numbered(key, leaves)] if isinstance(value, list) else leaves[key][0]


def _numbered(key: object, leaves: _Leaves) -> list[tuple[TensorSpec, torch.Tensor]]:
    """The items of a list that are declared as `key_0`, `key_1` and so on."""
    names = itertools.takewhile(leaves.__contains__, (f"{key}_{index}" for index in itertools.count()))
    return [leaves[name] for name in names]


def _probed(module: nn.Module, parameters: Any, declared: list[TensorSpec]) -> Arguments | None:
    """Dictionaries and lists inside of dictionaries, and several of them, as forward looks the tensors up."""
    known = {spec.name: spec for spec in declared if _is_own(parameters, spec.name)}
    others = {spec.name: spec for spec in declared if spec.name not in known}
    free = [name for name in _required(parameters) if name not in known]
    if not others or "" in others or not free:
        return None
    leaves = {name: (spec, _tensor(spec)) for name, spec in others.items()}
    lists = {name: [tensor for _, tensor in _numbered(name, leaves)] for name in free}
    probes = {name: lists[name] or _Probe(leaves) for name in free}
    values = {**{name: _tensor(spec) for name, spec in known.items()}, **probes}
    if not accepts(module, by_signature(parameters, (), values)):
        return None
    call = by_signature(
        parameters, (), {**known, **{name: _read(name, probe, leaves) for name, probe in probes.items()}}
    )
    leaf_names = [spec.name for spec in pytree.tree_leaves(call)]
    is_whole = sorted(leaf_names) == sorted(spec.name for spec in declared)
    return call if is_whole and accepts(module, with_example_tensors(call)) else None
