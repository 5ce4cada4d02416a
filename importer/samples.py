"""Inputs to compare on: the example, then random ones at the lower bound, the upper bound and between."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from importer.model import Arguments, Method
from importer.signature import Dimension, TensorSpec

RANDOM_SAMPLES = 3
MOST_REAL = 6
_PLACES = (0.0, 1.0, 0.5)  # of each range: its lower bound, its upper bound, between
MOST_ELEMENTS = 1 << 26  # a sample of the upper bound beyond this is left out


def inputs_of(arguments: Arguments) -> list[torch.Tensor]:
    """The tensors of a call, in the program's order."""
    leaves = torch.utils._pytree.tree_leaves(arguments)
    return [value for value in leaves if isinstance(value, torch.Tensor)]


def with_tensors(arguments: Arguments, tensors: list[torch.Tensor]) -> Arguments:
    """The same call with other tensors."""
    leaves, spec = torch.utils._pytree.tree_flatten(arguments)
    following = iter(tensors)
    replaced = [next(following) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
    result: Arguments = torch.utils._pytree.tree_unflatten(replaced, spec)
    return result


def samples(method: Method, notes: list[str], real: list[Arguments] | None = None) -> list[Arguments]:
    """Inputs to compare eager and ExecuTorch on, or to calibrate with. The same ones every time.

    real: calibration data; then some of it is taken, and the random inputs get their values from it, because a program
    that was calibrated is right only for values like those.
    """
    return [*_given(method, real), *_random_ones(method, notes, real).values()]


def growing(method: Method, real: list[Arguments] | None = None) -> list[Arguments]:
    """The same inputs from the smallest to the largest and back; none when all sizes are fixed. A backend's memory for
    the first call may serve a larger one wrongly, and which sizes show that depends on the order."""
    if not _varies(method):
        return []
    found = _random_ones(method, [], real)
    smallest, largest, between = ([found[place]] if place in found else [] for place in _PLACES)
    return [*smallest, *largest, *_given(method, real)[:1], *between, *smallest]


def _given(method: Method, real: list[Arguments] | None) -> list[Arguments]:
    return list(real[:MOST_REAL]) if real else [method.example]


def _random_ones(method: Method, notes: list[str], real: list[Arguments] | None) -> dict[float, Arguments]:
    """Random inputs: at places of _PLACES where sizes vary, else some of the one size."""
    pools = [_pool(real, index) for index in range(len(method.inputs))] if real else []
    generator = torch.Generator().manual_seed(20)
    found: dict[float, Arguments] = {}
    for place in _PLACES if _varies(method) else map(float, range(RANDOM_SAMPLES)):
        sizes: dict[str, int] = {}
        shapes = [_shape(method, spec, index, place, sizes) for index, spec in enumerate(method.inputs)]
        if sum(math.prod(shape) for shape in shapes) > MOST_ELEMENTS:
            notes.append(f"The comparison leaves out inputs of {shapes}: too large.")
            continue
        tensors = [
            _drawn(pools[index], shape, generator) if pools else _random(spec, shape, method, index, generator)
            for index, (spec, shape) in enumerate(zip(method.inputs, shapes, strict=True))
        ]
        found[place] = with_tensors(method.example, tensors)
    return found


def _varies(method: Method) -> bool:
    return any(dimension.is_dynamic for spec in method.inputs for dimension in spec.dimensions)


def _symbol(method: Method, spec: TensorSpec, index: int, axis: int, dimension: Dimension) -> str:
    if dimension.name:
        return dimension.name
    name = method.program.graph_signature.user_inputs[index]
    for node in method.program.graph.nodes:
        if node.op == "placeholder" and node.name == name:
            return str(node.meta["val"].shape[axis])
    return f"{spec.name}_{axis}"


def _shape(method: Method, spec: TensorSpec, index: int, place: float, sizes: dict[str, int]) -> list[int]:
    shape = []
    for axis, dimension in enumerate(spec.dimensions):
        if dimension.is_dynamic:
            value = round(dimension.minimum + place * (dimension.maximum - dimension.minimum))
            shape.append(sizes.setdefault(_symbol(method, spec, index, axis, dimension), value))
        else:
            shape.append(dimension.maximum)
    return shape


def _pool(real: list[Arguments], index: int) -> torch.Tensor:
    return torch.cat([inputs_of(arguments)[index].flatten() for arguments in real])


def _drawn(pool: torch.Tensor, shape: list[int], generator: torch.Generator) -> torch.Tensor:
    return pool[torch.randint(0, pool.numel(), (math.prod(shape),), generator=generator)].reshape(shape)


def _random(spec: TensorSpec, shape: list[int], method: Method, index: int, generator: torch.Generator) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, spec.dtype)
    if dtype.is_floating_point:
        example = inputs_of(method.example)[index].to(torch.float32)
        # A mask's -inf has no spread: random inputs would be NaN, and so would all results, which then are "equal".
        example = example[example.isfinite()]
        # Inputs like the example's: images of 0 to 255 are not like standard normal ones.
        spread = float(example.std()) if example.numel() > 1 else 1.0
        middle = float(example.mean()) if example.numel() > 1 and spread > 0 else 0.0
        return (torch.randn(shape, generator=generator) * (spread or 1.0) + middle).to(dtype)
    if dtype is torch.bool:
        return torch.randint(0, 2, shape, generator=generator).to(dtype)
    low, high = method.bounds[index] if index < len(method.bounds) else (0, 0)
    return torch.randint(low, high + 1, shape, generator=generator).to(dtype)


def from_metadata(inputs: list[dict[str, Any]], seed: int = 20) -> Iterator[list[torch.Tensor]]:
    """Random inputs for a program of which only the metadata is known: integers are 0, sizes the upper bound."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(2):
        tensors = []
        for item in inputs:
            dtype: torch.dtype = getattr(torch, item["dtype"])
            shape = [int(size) for size in item["shape"]]
            floating = dtype.is_floating_point
            tensors.append(
                torch.randn(shape, generator=generator).to(dtype) if floating else torch.zeros(shape, dtype=dtype)
            )
        yield tensors


def flatten_outputs(value: Any) -> list[torch.Tensor]:
    """The tensors of a result, in the program's order."""
    leaves: Iterable[Any] = torch.utils._pytree.tree_leaves(value)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
