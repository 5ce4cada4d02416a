"""Inputs to compare on and to calibrate with: those that a person gave, and made-up ones. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from importer.inputs import made_up
from importer.model import Arguments, Method
from importer.signature import Dimension, TensorSpec

RANDOM_SAMPLES = 3
MOST_REAL = 6
MOST_HELD_OUT = 20
_PLACES = (0.0, 1.0, 0.5)  # of each range: its lower bound, its upper bound, between
MOST_ELEMENTS = 1 << 26  # a sample of the upper bound beyond this is left out
SEED = 20
_POSITIVE, _SMALL, _QUIET = 1e-2, 0.9, 1e-8


@dataclass(frozen=True)
class Sample:
    """One call. made_up: its values were generated, so they may be changed until the model accepts them. noise: single
    values of real inputs, in any order."""

    arguments: Arguments
    made_up: bool = False
    noise: bool = False


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


def copied(arguments: Arguments) -> Arguments:
    """The same call with copies of the tensors, for a model that may write into them."""
    return with_tensors(arguments, [value.clone() for value in inputs_of(arguments)])


def flatten_outputs(value: Any) -> list[torch.Tensor]:
    """The tensors of a result, in the program's order."""
    leaves: Iterable[Any] = torch.utils._pytree.tree_leaves(value)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def samples(method: Method, notes: list[str], real: list[Arguments] | None = None) -> list[Sample]:
    """Inputs to compare eager and ExecuTorch on, or to calibrate with. The same ones every time.

    real: what a person gave; then some of it is taken, and the others get their values from it.
    """
    return [*_given(method, real), *_drawn_ones(method, notes, real).values()]


def growing(method: Method, real: list[Arguments] | None = None) -> list[Sample]:
    """The same inputs from the smallest to the largest and back; none when all sizes are fixed. A backend's memory for
    the first call may serve a larger one wrongly, and which sizes show that depends on the order."""
    if not varies(method):
        return []
    found = _resized_ones(method, real[0]) if real else _drawn_ones(method, [], None)
    smallest, largest, between = ([found[place]] if place in found else [] for place in _PLACES)
    return [*smallest, *largest, *_given(method, real)[:1], *between, *smallest]


def held_out(real: list[Arguments]) -> tuple[list[Arguments], list[Arguments]]:
    """Splits real inputs into those for the calibration and those for judging: a fifth, at least two, evenly spread. Of
    less than four nothing can be spared: all of them are both."""
    if len(real) < 4:
        return real, real
    count = max(2, len(real) // 5)
    chosen = {round((number + 0.5) * len(real) / count - 0.5) for number in range(count)}
    kept = [item for index, item in enumerate(real) if index in chosen]
    return [item for index, item in enumerate(real) if index not in chosen], kept[:MOST_HELD_OUT]


def accepted(sample: Sample) -> Iterator[Sample]:
    """A made-up sample with other values, for a model that returns NaN for these: positive ones, as a
    logarithm and a root want them, then small ones, as an arc cosine does, then large and negative ones."""
    yield _changed(sample, lambda value: value.abs() + _POSITIVE)
    yield _changed(sample, lambda value: value / value.abs().max().clamp(min=1e-12) * _SMALL)
    yield _changed(sample, lambda value: (value.abs() + _POSITIVE) / (value.abs().max() + _POSITIVE) * _SMALL)
    yield _changed(sample, lambda value: value.abs() + 1 + _POSITIVE)
    yield _changed(sample, lambda value: -value.abs() - _POSITIVE)


def quiet(sample: Sample) -> Sample:
    """Positive values that are almost nothing, as silence is: fp16 makes 0 of them."""
    return _changed(sample, lambda value: (value.abs() + _POSITIVE) * _QUIET)


def with_known_integers(method: Method, sample: Sample) -> Sample:
    """A made-up sample whose integers are the example's first ones, which the model surely accepts."""
    tensors = [
        value if value.is_floating_point() or not known.numel() else torch.full_like(value, known.flatten()[0].item())
        for value, known in zip(inputs_of(sample.arguments), inputs_of(method.example), strict=True)
    ]
    return replace(sample, arguments=with_tensors(sample.arguments, tensors))


def others(method: Method, sample: Sample) -> Iterator[Sample]:
    """Samples in place of one that the model refuses: with known integers, with other floats too, and the example at
    this one's sizes."""
    known = with_known_integers(method, sample)
    yield known
    yield from accepted(known)
    shapes = [list(value.shape) for value in inputs_of(sample.arguments)]
    tensors = [_resized(value, shape) for value, shape in zip(inputs_of(method.example), shapes, strict=True)]
    yield replace(sample, arguments=with_tensors(method.example, tensors))


def constant_inputs(method: Method, calls: list[Arguments]) -> list[str]:
    """The names of inputs that have one value only, the same one in all calls."""
    names = []
    for index, spec in enumerate(method.inputs):
        values = [inputs_of(arguments)[index] for arguments in calls]
        first = next((value.flatten()[0] for value in values if value.numel()), None)
        if first is not None and all(bool((value == first).all()) for value in values):
            names.append(f"'{spec.name}' ({first.item():g})")
    return names


def varies(method: Method) -> bool:
    """Whether a size of its inputs may differ from call to call."""
    return any(dimension.is_dynamic for spec in method.inputs for dimension in spec.dimensions)


def _given(method: Method, real: list[Arguments] | None) -> list[Sample]:
    if real:
        return [Sample(arguments) for arguments in real[:MOST_REAL]]
    return [Sample(method.example, made_up=method.example_is_made_up)]


def _drawn_ones(method: Method, notes: list[str], real: list[Arguments] | None) -> dict[float, Sample]:
    """Random inputs: at places of _PLACES where sizes vary, else some of the one size."""
    pools = [_pool(real, index) for index in range(len(method.inputs))] if real else []
    generator = torch.Generator().manual_seed(SEED)
    found: dict[float, Sample] = {}
    for place in _PLACES if varies(method) else map(float, range(RANDOM_SAMPLES)):
        shapes = _shapes(method, place)
        if sum(math.prod(shape) for shape in shapes) > MOST_ELEMENTS:
            notes.append(f"The comparison leaves out inputs of {shapes}: too large.")
            continue
        tensors = [
            _drawn(pools[index], shape, generator) if pools else _random(spec, shape, method, index, len(found))
            for index, (spec, shape) in enumerate(zip(method.inputs, shapes, strict=True))
        ]
        found[place] = Sample(with_tensors(method.example, tensors), made_up=not pools, noise=bool(pools))
    return found


def _resized_ones(method: Method, real: Arguments) -> dict[float, Sample]:
    """A real input at the sizes of _PLACES: cut off where it is longer, repeated where it is shorter."""
    found = {}
    for place in _PLACES:
        shapes = _shapes(method, place)
        if sum(math.prod(shape) for shape in shapes) <= MOST_ELEMENTS:
            tensors = [_resized(value, shape) for value, shape in zip(inputs_of(real), shapes, strict=True)]
            found[place] = Sample(with_tensors(method.example, tensors))
    return found


def _resized(value: torch.Tensor, shape: list[int]) -> torch.Tensor:
    for axis, size in enumerate(shape):
        if value.shape[axis] != size:
            value = value.index_select(axis, torch.arange(size) % value.shape[axis])
    return value.contiguous()


def _symbol(method: Method, spec: TensorSpec, index: int, axis: int, dimension: Dimension) -> str:
    if dimension.name:
        return dimension.name
    name = method.program.graph_signature.user_inputs[index]
    for node in method.program.graph.nodes:
        if node.op == "placeholder" and node.name == name:
            return str(node.meta["val"].shape[axis])
    return f"{spec.name}_{axis}"


def _shapes(method: Method, place: float) -> list[list[int]]:
    sizes: dict[str, int] = {}
    return [_shape(method, spec, index, place, sizes) for index, spec in enumerate(method.inputs)]


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


def _random(spec: TensorSpec, shape: list[int], method: Method, index: int, number: int) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, spec.dtype)
    position = index + len(method.inputs) * (number + 1)
    if not dtype.is_floating_point:
        bounds = method.bounds[index] if index < len(method.bounds) else ((0, 1),)
        return made_up.integers(dtype, shape, position, bounds[number % len(bounds)])
    example = inputs_of(method.example)[index].to(torch.float32)
    # A mask's -inf has no spread: random inputs would be NaN, and so would all results, which then are "equal".
    example = example[example.isfinite()]
    # Inputs like the example's: images of 0 to 255 are not like standard normal ones.
    spread = float(example.std()) if example.numel() > 1 else 1.0
    middle = float(example.mean()) if example.numel() > 1 and spread > 0 else 0.0
    return (made_up.normal(shape, position) * (spread or 1.0) + middle).to(dtype)


def _changed(sample: Sample, change: Any) -> Sample:
    tensors = [
        change(value.float()).to(value.dtype) if value.is_floating_point() and value.numel() else value
        for value in inputs_of(sample.arguments)
    ]
    return replace(sample, arguments=with_tensors(sample.arguments, tensors))
