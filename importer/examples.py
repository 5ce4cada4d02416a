"""Example inputs: from what a person declares, or a request for them with a guess from the first layer."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from importer.errors import ImporterError
from importer.model import Arguments
from importer.signature import Dimension, TensorSpec


def as_arguments(value: Any) -> Arguments:
    """What `example_inputs()` returned as positional and keyword arguments: a tensor, a sequence or a dictionary."""
    if isinstance(value, dict):
        return (), dict(value)
    if isinstance(value, (tuple, list)):
        if len(value) == 2 and isinstance(value[0], tuple) and isinstance(value[1], dict):
            return value[0], value[1]
        return tuple(value), {}
    return (value,), {}


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
    ordered = order_by_names(declared, names)
    given = list(own[0]) if own and len(own[0]) == len(ordered) else [None] * len(ordered)
    return tuple(make_tensor(spec, example_shape(spec), like) for spec, like in zip(ordered, given, strict=True)), {}


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
    """A shape inside the ranges. torch.export takes a dynamic size of 1 for a constant, so it is at least 2."""
    return [example_size(dimension) for dimension in spec.dimensions]


def example_size(dimension: Dimension) -> int:
    if not dimension.is_dynamic:
        return dimension.maximum
    return min(dimension.maximum, max(2, dimension.minimum, min(dimension.maximum // 2, 16)))


def make_tensor(spec: TensorSpec, shape: list[int], like: Any = None) -> torch.Tensor:
    """A tensor of a spec's dtype: `like` when it fits, else small values that most models accept."""
    dtype: torch.dtype = getattr(torch, spec.dtype)
    if isinstance(like, torch.Tensor) and list(like.shape) == shape and like.dtype == dtype:
        return like
    if dtype.is_floating_point:
        generator = torch.Generator().manual_seed(len(shape))
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.ones(shape, dtype=dtype) if dtype is torch.bool else torch.zeros(shape, dtype=dtype)


def needed(module: nn.Module) -> ImporterError:
    """The request for example inputs, with a guess where the first layer allows one."""
    names = parameter_names(module)
    cause = f"To export the model its inputs must be known; forward takes {', '.join(names) or 'unnamed arguments'}."
    guess = _guess(module)
    name = names[0] if len(names) == 1 else "x"
    how = f"Write the option 'inputs', for example `{name}: {guess or 'float32[1,3,224,224]'}`"
    why = " (guessed from the first layer)" if guess else ""
    remedy = f"{how}{why}, or add a function example_inputs() to the factory's file."
    return ImporterError("INPUTS_NEEDED", cause, remedy, "load")


def _guess(module: nn.Module) -> str:
    for layer in module.modules():
        kind = getattr(layer, "original_name", type(layer).__name__)
        weight = getattr(layer, "weight", None)
        if not isinstance(weight, torch.Tensor):
            weight = getattr(layer, "weight_ih_l0", None)
        if not isinstance(weight, torch.Tensor):
            continue
        groups = int(getattr(layer, "groups", 1))
        if kind == "Linear":
            return f"float32[1,{weight.shape[1]}]"
        if kind == "Conv2d":
            size = 224 if weight.shape[1] * groups == 3 else 28
            return f"float32[1,{weight.shape[1] * groups},{size},{size}]"
        if kind == "Conv1d":
            return (
                f"float32[1,{weight.shape[1] * groups},16000]"
                if weight.shape[1] == 1
                else f"float32[1,{weight.shape[1] * groups},128]"
            )
        if kind == "Embedding":
            return "int64[1,16]"
        if kind in ("LSTM", "GRU", "RNN"):
            return (
                f"float32[1,16,{weight.shape[1]}]"
                if getattr(layer, "batch_first", False)
                else f"float32[16,1,{weight.shape[1]}]"
            )
    return ""


def _is_alias(name: str, index: int) -> bool:
    return name == f"input_{index}"
