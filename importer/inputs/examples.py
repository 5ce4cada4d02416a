"""Example inputs: from the option `inputs`, or a request for it with a guess from the first layer."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils import _pytree as pytree

from importer.errors import ImporterError
from importer.inputs import nested
from importer.inputs.arguments import parameter_names
from importer.inputs.dictionary_keys import keys_read
from importer.inputs.first_layer import example_input, inputs_needed, other_sizes
from importer.inputs.made_up import example_shape, make_tensor
from importer.inputs.placing import accepts, placed
from importer.inputs.samples import inputs_of, with_tensors
from importer.model import Arguments
from importer.signature import TensorSpec, parse_inputs

_MOST_INPUTS, _MOST_SIDES = 3, 8  # what is tried: at most 9 x 9 x 9 forms


@dataclass(frozen=True)
class Call:
    """A call with made-up tensors. declared: the option `inputs` in the order of the call's tensors. names: of these
    tensors, where forward's parameters do not say them."""

    example: Arguments
    declared: list[TensorSpec]
    names: list[str] = field(default_factory=list)


def from_specs(module: nn.Module, declared: list[TensorSpec], own: Arguments | None = None) -> Call:
    """A call with the declared shapes. Integer values come from `own` (the factory's example) where the shapes fit.

    Raises INPUTS_MISMATCH when a declared name is none of forward's parameters, and forward takes no dictionary or
    tuple with it.
    """
    names = parameter_names(module)
    if own and nested.is_nested(own):
        names = nested.leaf_names(own, names)
        declared = order_by_names(declared, names)
        return Call(in_the_form_of(own, declared, names), declared)
    structure = placed(module, declared)
    call = structure or _as_declared(module, declared, names)
    specs, form = pytree.tree_flatten(call)
    known = dict(zip(nested.leaf_names(own, names), inputs_of(own), strict=True)) if own else {}
    likes = list(known.values()) if len(known) == len(specs) else [None] * len(specs)
    tensors = [
        make_tensor(spec, example_shape(spec), known.get(spec.name, like))
        for spec, like in zip(specs, likes, strict=True)
    ]
    named = [spec.name for spec in specs] if structure and all(spec.name for spec in specs) else []
    return Call(pytree.tree_unflatten(tensors, form), specs, named)


def _as_declared(module: nn.Module, declared: list[TensorSpec], names: list[str]) -> Arguments:
    if nested.as_one_dictionary(module, [spec.name for spec in declared]):
        return ({spec.name: spec for spec in declared},), {}
    return tuple(order_by_names(declared, names)), {}


def in_the_form_of(known: Arguments, declared: list[TensorSpec], names: list[str]) -> Arguments:
    """Declared tensors, in their order, in the dictionaries, tuples and lists of a known call. Raises
    INPUTS_MISMATCH."""
    likes = inputs_of(known)
    if len(declared) != len(likes):
        cause = f"The option 'inputs' declares {len(declared)} tensors, but the model takes {', '.join(names)}."
        raise ImporterError("INPUTS_MISMATCH", cause, "Declare each of them.", "load")
    pairs = zip(declared, likes, strict=True)
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


def needed(module: nn.Module, names: list[str] | None = None, factory: str = "") -> ImporterError:
    """The request for example inputs, with guesses where the layers allow them. names: of what forward takes; factory:
    the name of its file, if there is one."""
    if names is None:
        names = keys_read(type(module).forward) or parameter_names(module)
    guess = _guess(module)
    if len(names) == 1:
        guess = next((form for form in other_sizes(guess) if form and _runs(module, f"{names[0]}: {form}")), "")
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
        return accepts(module, from_specs(module, parse_inputs(inputs)).example)
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
