"""The parts of an output that are of another size than the rest: scores of 0 to 1 beside boxes of 0 to 640.

An error is judged against the values around it, so that what is lost of the small ones counts. Imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

MUCH_SMALLER = 32  # times: what one scale of 256 steps has less than 8 steps for
_GAP = 8  # times between two neighbours in the order of size
_MOST_CHANNELS = 1 << 16
_FEWEST_VALUES = 4  # of fewer it may be chance that they are small
_FEWEST_SHARE = 32  # a part without a gap before it has at least one channel in so many
_LAST_AXIS = 8  # a last axis of at most so many entries is one of channels, not of a picture's columns


@dataclass(frozen=True)
class Part:
    """Channels of an output. scale: their largest value."""

    axis: int
    indices: list[int]
    scale: float

    def of(self, value: torch.Tensor) -> torch.Tensor:
        return value.index_select(self.axis, torch.tensor(self.indices))


def parts_of(values: list[torch.Tensor], batches: set[int] | None = None) -> list[Part]:
    """The channels of an output whose values are much smaller than the largest; values: the output of each call.
    batches: the sizes of the inputs' first axes; a first axis of another size is not one of samples.

    Channels of one size are one part. Values within -1 to 1 (scores, probabilities) are of one unit whatever their
    size is: a class that is never seen is not a part of its own.
    """
    found = []
    for axis in _channel_axes(values, batches or set()):
        scales = torch.stack([_largest_of_each(value, axis) for value in values]).amax(0)
        if 1 < scales.numel() <= _MOST_CHANNELS:
            each = sum(value.numel() for value in values) // scales.numel()
            found += [part for part in _clusters(scales, axis) if each * len(part.indices) >= _FEWEST_VALUES]
    return found


def _channel_axes(values: list[torch.Tensor], batches: set[int]) -> list[int]:
    """The axes that are not batch or spatial and have one size in all calls."""
    shape = list(values[0].shape)
    if len(shape) == 1:
        axes = [0]
    elif len(shape) == 4:  # channels first, or last
        is_last = shape[3] <= _LAST_AXIS or (shape[1] == shape[2] != shape[3])
        axes = [1, 3] if is_last else [1]
    else:
        axes = sorted({1, len(shape) - 1}) if shape else []
    if len(shape) > 1 and batches and not any(value.shape[0] in batches for value in values):
        axes = [0, *axes]
    return [axis for axis in axes if len({value.shape[axis] for value in values}) == 1]


def _largest_of_each(value: torch.Tensor, axis: int) -> torch.Tensor:
    return value.abs().movedim(axis, 0).reshape(value.shape[axis], -1).amax(1)


def _clusters(scales: torch.Tensor, axis: int) -> list[Part]:
    order = scales.argsort(descending=True)
    groups: list[list[int]] = [[]]
    before = first = float(scales[order[0]])
    rest = [index for index in order.tolist() if scales[index] > 0]  # always nothing: any error shows in the whole
    for place, index in enumerate(rest):
        scale = float(scales[index])
        # Sizes may fall without a gap; a single channel of many that is small by chance is not a part.
        falls = scale * MUCH_SMALLER < first and (len(rest) - place) * _FEWEST_SHARE >= len(rest)
        if before > 1 and (scale * _GAP < before or falls):
            groups.append([])
            first = scale
        groups[-1].append(index)
        before = scale
    largest = float(scales[order[0]])
    parts = [Part(axis, sorted(group), max(float(scales[index]) for index in group)) for group in groups[1:]]
    return [part for part in parts if part.scale * MUCH_SMALLER < largest]
