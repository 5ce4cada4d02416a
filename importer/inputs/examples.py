"""Example inputs: from the option `inputs`, or a request for it with a guess from the first layer."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from importer.errors import ImporterError
from importer.inputs import made_up, nested
from importer.inputs.dictionary_keys import keys_read
from importer.inputs.first_layer import example_input, inputs_needed
from importer.inputs.samples import inputs_of, with_tensors
from importer.model import Arguments
from importer.signature import Dimension, TensorSpec, parse_inputs

_MOST_INPUTS, _MOST_SIDES = 3, 8  # what is tried: at most 9 x 9 x 9 forms


def as_arguments(value: Any) -> Arguments:
    """The result of `example_inputs()` as positional and keyword arguments: a tensor, a sequence or a dictionary. NumPy
    arrays become tensors."""
    value = torch.utils._pytree.tree_map(_as_tensor, value)
    if isinstance(value, dict):
        return (), dict(value)
    if isinstance(value, (tuple, list)):
        if len(value) == 2 and isinstance(value[0], tuple) and isinstance(value[1], dict):
            return value[0], value[1]
        return tuple(value), {}
    return (value,), {}


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) and value.dtype != object else value


def parameter_names(module: nn.Module) -> list[str]:
    """The names of forward's parameters that a call may give by position."""
    if isinstance(module, torch.jit.ScriptModule):
        return [argument.name for argument in module._c._get_method("forward").schema.arguments[1:]]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, item in inspect.signature(module.forward).parameters.items() if item.kind in kinds]


def from_specs(module: nn.Module, declared: list[TensorSpec], own: Arguments | None = None) -> Arguments:
    """Arguments with the declared shapes. Integer values come from `own` (the factory's example) where the shapes fit.

    Raises INPUTS_MISMATCH when a declared name is none of forward's parameters.
    """
    names = parameter_names(module)
    if own and nested.is_nested(own):
        return in_the_form_of(own, declared, nested.leaf_names(own, names))
    if nested.as_one_dictionary(module, [spec.name for spec in declared]):
        return (_dictionary(declared),), {}
    if structured := _structured(module, declared, names):
        return structured
    ordered = order_by_names(declared, names)
    given = list(own[0]) if own and len(own[0]) == len(ordered) else [None] * len(ordered)
    return tuple(make_tensor(spec, example_shape(spec), like) for spec, like in zip(ordered, given, strict=True)), {}


def _structured(module: nn.Module, declared: list[TensorSpec], names: list[str]) -> Arguments | None:
    """Arguments of which one is a dictionary of the declared tensors that have other names than the model's inputs, or
    a tuple of all; the first of these that eager accepts."""
    if isinstance(module, torch.jit.ScriptModule) or not names:
        return None
    tensors = [make_tensor(spec, example_shape(spec)) for spec in declared]
    candidates: list[Arguments] = []
    others = [spec for spec in declared if spec.name and spec.name not in names]
    known = {spec.name: tensor for spec, tensor in zip(declared, tensors, strict=True) if spec.name in names}
    required = required_names(module)
    free = [name for name in required if name not in known]
    if others and len(free) == 1 and len(others) + len(known) == len(declared):
        given = {**known, free[0]: _dictionary(others)}
        optional = {name: value for name, value in given.items() if name not in required}
        candidates.append((tuple(given[name] for name in required), optional))
    if len(names) == 1 and len(declared) > 1 and not any(spec.name for spec in declared):
        candidates += [((tuple(tensors),), {}), ((list(tensors),), {})]
    return next((given for given in candidates if _is_accepted(module, given)), None)


def _dictionary(declared: list[TensorSpec]) -> dict[str, torch.Tensor]:
    return {spec.name: make_tensor(spec, example_shape(spec)) for spec in declared}


def _is_accepted(module: nn.Module, given: Arguments) -> bool:
    try:
        with torch.no_grad():
            copy.deepcopy(module)(*given[0], **given[1])
    except Exception:
        return False
    return True


def required_names(module: nn.Module) -> list[str]:
    """The names of forward's parameters that have no default."""
    parameters = inspect.signature(module.forward).parameters
    named = parameter_names(module)
    return [name for name in named if parameters[name].default is inspect.Parameter.empty]


def in_the_form_of(known: Arguments, declared: list[TensorSpec], names: list[str]) -> Arguments:
    """Declared tensors in the dictionaries, tuples and lists of a known call. Raises INPUTS_MISMATCH."""
    ordered, likes = order_by_names(declared, names), inputs_of(known)
    if len(ordered) != len(likes):
        cause = f"The option 'inputs' declares {len(ordered)} tensors, but the model takes {', '.join(names)}."
        raise ImporterError("INPUTS_MISMATCH", cause, "Declare each of them.", "load")
    pairs = zip(ordered, likes, strict=True)
    return with_tensors(known, [make_tensor(spec, example_shape(spec), like) for spec, like in pairs])


def order_by_names(declared: list[TensorSpec], names: list[str]) -> list[TensorSpec]:
    """The declared inputs in the order of a signature; without names they stay as they are."""
    if not all(spec.name for spec in declared):
        return declared
    unknown = [spec.name for spec in declared if spec.name not in names]
    if unknown and names and not all(_is_alias(spec.name, index) for index, spec in enumerate(declared)):
        cause = f"The option 'inputs' names {', '.join(unknown)}, but the model's inputs are {', '.join(names)}."
        raise ImporterError("INPUTS_MISMATCH", cause, "Use the model's names, or leave the names out.", "load")
    if unknown:
        return declared
    return sorted(declared, key=lambda spec: names.index(spec.name))


def example_shape(spec: TensorSpec) -> list[int]:
    """A shape inside the ranges. torch.export makes a dynamic size of 1 a constant, so it is at least 2."""
    return [example_size(dimension) for dimension in spec.dimensions]


def example_size(dimension: Dimension) -> int:
    if not dimension.is_dynamic:
        return dimension.maximum
    return min(dimension.maximum, max(2, dimension.minimum, min(dimension.maximum // 2, 16)))


def make_tensor(spec: TensorSpec, shape: list[int], like: Any = None) -> torch.Tensor:
    """A tensor of a spec's dtype: `like` when it fits, else values that most models accept."""
    dtype: torch.dtype = getattr(torch, spec.dtype)
    if isinstance(like, torch.Tensor) and list(like.shape) == shape and like.dtype == dtype:
        return like
    if dtype.is_floating_point:
        return made_up.normal(shape, len(shape)).to(dtype)
    if dtype is torch.uint8:
        return made_up.make("uint8", shape, len(shape))
    # A mask that hides everything leads to NaN, and an index of 0 is in every table.
    return torch.ones(shape, dtype=dtype) if dtype is torch.bool else torch.zeros(shape, dtype=dtype)


def needed(module: nn.Module, names: list[str] | None = None, factory: str = "") -> ImporterError:
    """The request for example inputs, with guesses where the layers allow them. names: of what forward takes; factory:
    the name of its file, if there is one."""
    if names is None:
        names = keys_read(type(module).forward) or parameter_names(module)
    guess = _guess(module)
    return inputs_needed(names, guess, factory, found_by_running(module, names, guess) if guess else "")


def found_by_running(module: nn.Module, names: list[str], guess: str) -> str:
    """Several inputs as the option `inputs` writes them: the one choice, among vectors as long as sides of the model's
    linear layers, with which it runs. Empty when it runs with none of them or with several, or takes one input.

    guess: what the first layer takes; one input has that form.
    """
    sides = {size for layer in module.modules() for size in _sides(layer)}
    if not 1 < len(names) <= _MOST_INPUTS or len(sides) > _MOST_SIDES:
        return ""
    # A size of 1 fits everywhere, and a mask may have to be bool.
    for dtype in ("float32", "bool"):
        for sizes in (sides - {1}, sides & {1}):
            forms = [f"{dtype}[1,{size}]" for size in sorted(sizes)]
            found = [text for text in _texts(names, guess, forms) if _runs(module, text)]
            if found:
                return found[0] if len(found) == 1 else ""
    return ""


def _sides(layer: nn.Module) -> list[int]:
    weight = getattr(layer, "weight", None)
    is_linear = getattr(layer, "original_name", type(layer).__name__) == "Linear"
    return list(weight.shape) if is_linear and isinstance(weight, torch.Tensor) else []


def _texts(names: list[str], guess: str, forms: list[str]) -> Iterator[str]:
    """Every choice of forms in which at least one input has the guess's."""
    for chosen in itertools.product(dict.fromkeys([guess, *forms]), repeat=len(names)):
        if guess in chosen:
            yield "; ".join(f"{name}: {form}" for name, form in zip(names, chosen, strict=True))


def _runs(module: nn.Module, inputs: str) -> bool:
    try:
        return _is_accepted(module, from_specs(module, parse_inputs(inputs)))
    except ImporterError:
        return False


def _guess(module: nn.Module) -> str:
    for layer in module.modules():
        kind = getattr(layer, "original_name", type(layer).__name__)
        weight = getattr(layer, "weight", None)
        if not isinstance(weight, torch.Tensor):
            weight = getattr(layer, "weight_ih_l0", None)
        if isinstance(weight, torch.Tensor):
            groups, batch_first = int(getattr(layer, "groups", 1)), bool(getattr(layer, "batch_first", False))
            if found := example_input(kind, tuple(weight.shape), groups, batch_first):
                return found
    return ""


def _is_alias(name: str, index: int) -> bool:
    return name == f"input_{index}"
