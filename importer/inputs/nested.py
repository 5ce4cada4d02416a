"""Tensors inside of dictionaries, tuples and lists: their names, and calls that are built of them. Imports torch."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils import _pytree as pytree

from importer.inputs.samples import inputs_of
from importer.model import Arguments


def register_structures(value: Any) -> None:
    """Let torch look into the data classes of a call or a result, and write down the names of its named tuples."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if kind not in pytree.SUPPORTED_NODES:
            torch.export.register_dataclass(kind, serialized_type_name=name)
        items = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif isinstance(value, dict):
        items = list(value.values())
    else:
        if pytree.is_namedtuple(value) and kind not in _named_tuples:
            _named_tuples.add(kind)
            pytree._register_namedtuple(kind, serialized_type_name=name)
        items = list(value) if isinstance(value, (list, tuple)) else []
    for item in items:
        register_structures(item)


def is_writable(spec: pytree.TreeSpec) -> bool:
    """Whether a structure can be written into a program: torch's own results of topk and others cannot."""
    try:
        pytree.treespec_dumps(spec)
    except (NotImplementedError, TypeError, ValueError):
        return False
    return True


_named_tuples: set[type] = set()


def leaf_names(arguments: Arguments, names: Sequence[str]) -> list[str]:
    """A name for each tensor of a call: a keyword's, a dictionary's key, else that of the positional argument, with a
    number when a sequence holds several. names: those of the positional arguments."""
    paths = [path for path, value in pytree.tree_flatten_with_path(arguments)[0] if isinstance(value, torch.Tensor)]
    return _unique_names([_keys(path) for path in paths], names)


def result_names(spec: pytree.TreeSpec) -> list[str]:
    """A name for each leaf of a result: a dictionary's key or a named tuple's field, else `output_<number>`."""
    tree = pytree.tree_unflatten(list(range(spec.num_leaves)), spec)
    found = []
    for path, number in pytree.tree_flatten_with_path(tree)[0]:
        keys = _keys(path)
        words = [key for key in keys if isinstance(key, str)]
        found.append((number, words, keys))
    choices = (
        [words[-1] if words else f"output_{number}" for number, words, _ in found],
        ["_".join(words) if words else f"output_{number}" for number, words, _ in found],
        ["_".join(map(str, keys)) if words else f"output_{number}" for number, words, keys in found],
        [f"output_{number}" for number, *_ in found],
    )
    return next(names for names in choices if len(set(names)) == len(names))


def program_names(spec: pytree.TreeSpec, placeholders: list[str]) -> list[str]:
    """The names of a program's inputs: the keys of a dictionary's items, or else those of its placeholders."""
    if spec.num_leaves != len(placeholders):
        return placeholders
    paths = [_keys(path) for path, _ in pytree.tree_flatten_with_path(of_structure(spec))[0]]
    names = [
        str(path[-1]) if len(path) > 2 and isinstance(path[-1], str) else placeholder
        for path, placeholder in zip(paths, placeholders, strict=True)
    ]
    return names if len(set(names)) == len(names) else placeholders


def as_one_dictionary(module: torch.nn.Module, names: Sequence[str]) -> bool:
    """Whether forward takes one argument whose items are tensors of these names."""
    if isinstance(module, torch.jit.ScriptModule):
        return False
    parameters = list(inspect.signature(module.forward).parameters.values())
    if len(parameters) != 1 or parameters[0].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        return False
    named = bool(names) and all(names) and parameters[0].name not in names
    return named and (len(names) > 1 or "dict" in str(parameters[0].annotation).lower())


def of_structure(spec: pytree.TreeSpec) -> Arguments:
    """A call with empty tensors in the structure that an exported program takes."""
    arguments, keywords = pytree.tree_unflatten([torch.empty(0)] * spec.num_leaves, spec)
    return tuple(arguments), dict(keywords)


def in_structure(arguments: Arguments, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A value for each tensor of a call, in the call's structure."""
    leaves, spec = pytree.tree_flatten(arguments)
    following = iter(values)
    placed = [next(following) if isinstance(leaf, torch.Tensor) else None for leaf in leaves]
    positional, keywords = pytree.tree_unflatten(placed, spec)
    return tuple(positional), dict(keywords)


def data_classes_as_lists(value: Any) -> Any:
    """A structure in which each data class is the list of its fields, as torch.export wants it of shapes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [data_classes_as_lists(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, dict):
        return {key: data_classes_as_lists(item) for key, item in value.items()}
    if pytree.is_namedtuple(value):
        return type(value)(*map(data_classes_as_lists, value))
    return type(value)(map(data_classes_as_lists, value)) if isinstance(value, (list, tuple)) else value


def is_nested(arguments: Arguments) -> bool:
    """Whether a tensor of a call is inside of something else."""
    return len(inputs_of(arguments)) > sum(
        isinstance(value, torch.Tensor) for value in (*arguments[0], *arguments[1].values())
    )


def _unique_names(paths: list[list[str | int]], names: Sequence[str]) -> list[str]:
    short, long = [], []
    for group, first, *rest in paths:  # positional or keyword, which of them, and the way inside of it
        base = str(first) if group == 1 else names[int(first)] if int(first) < len(names) else f"input_{first}"
        words = [str(key) for key in rest if isinstance(key, str)]
        numbered = base if not rest else "_".join([base, *map(str, rest)])
        short.append(words[-1] if words and isinstance(rest[-1], str) else numbered)
        long.append(numbered)
    return short if len(set(short)) == len(short) else long


def _keys(path: tuple[Any, ...]) -> list[str | int]:
    keys: list[str | int] = []
    for key in path:
        value = getattr(key, "key", getattr(key, "idx", getattr(key, "name", "")))
        keys.append(value if isinstance(value, int) else str(value))
    return keys
