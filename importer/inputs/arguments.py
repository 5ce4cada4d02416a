"""The arguments of a call of forward, in the order of its signature: this is the order of a program's inputs. Imports
torch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from importer.model import Arguments

BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def without_wrappers(module: Any) -> Any:
    """The module that a compiled or parallel one calls; anything else as it is."""
    while isinstance(module, nn.Module):
        is_parallel = isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel))
        inner = module.module if is_parallel else getattr(module, "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            break
        module = inner
    return module


def parameters_of(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    """What forward takes, by name."""
    if isinstance(module, torch.jit.ScriptModule):
        arguments = module._c._get_method("forward").schema.arguments[1:]
        kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        return {item.name: inspect.Parameter(item.name, kinds[bool(item.kwarg_only)]) for item in arguments}
    return inspect.signature(module.forward).parameters


def parameter_names(module: nn.Module) -> list[str]:
    """The names of forward's parameters that a call may give by position."""
    return [name for name, item in parameters_of(module).items() if item.kind in BY_POSITION]


def as_arguments(value: Any, module: nn.Module) -> Arguments:
    """What a person gives as one call of `module` (a tensor, a sequence, a dictionary of names, or both of them) in the
    order of its signature. NumPy arrays become tensors."""
    value = pytree.tree_map(_as_tensor, value)
    if isinstance(value, dict):
        return by_signature(parameters_of(module), (), value)
    if isinstance(value, (tuple, list)):
        if len(value) == 2 and isinstance(value[0], tuple) and isinstance(value[1], dict):
            return by_signature(parameters_of(module), *value)
        return tuple(value), {}
    return (value,), {}


def by_signature(
    parameters: Mapping[str, inspect.Parameter], positional: Sequence[Any], named: Mapping[str, Any]
) -> Arguments:
    """A call whose values are given by position as far as the signature allows it, then by name in its order; names
    that only `**keywords` takes stay in their own order, at the end."""
    left = dict(named)
    given = list(positional)
    for name, item in list(parameters.items())[len(given) :]:
        if item.kind not in BY_POSITION or name not in left:
            break
        given.append(left.pop(name))
    keywords = {name: left.pop(name) for name in parameters if name in left}
    return tuple(given), {**keywords, **left}


def in_form(known: Any, value: Any) -> Any:
    """A call with the entries of its dictionaries in the order of a known call. Raises ValueError when its form is
    another."""
    if isinstance(known, dict) and isinstance(value, dict):
        if known.keys() != value.keys():
            raise ValueError(f"the keys {', '.join(map(str, value))}, not {', '.join(map(str, known))}")
        return type(known)((key, in_form(item, value[key])) for key, item in known.items())
    if isinstance(known, (tuple, list)) and isinstance(value, (tuple, list)):
        if len(known) != len(value):
            raise ValueError(f"{len(value)} values where there are {len(known)}")
        items = [in_form(item, other) for item, other in zip(known, value, strict=True)]
        return type(known)(*items) if pytree.is_namedtuple(known) else type(known)(items)
    return value


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) and value.dtype != object else value
