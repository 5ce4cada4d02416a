"""The errors of results against eager PyTorch in fp32. Works on tensors; imports torch."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch

from importer.lowering.parts import Part, parts_of

SMALLEST_REFERENCE = 1e-5  # below it a relative error of fp32 says nothing
_SMALLEST_ERROR = 1e-8  # that much is never an error
_QUIET_CALL = 1e-2  # a call whose results are this much smaller than others' is judged by a part of those
_QUIET_COARSE = 0.1  # the largest such part, of a recipe that has few steps for the whole range
_FEW_VALUES = 4  # fewer in a call are near 0 by chance
_FAINT = 0.5  # an error that is so large beside a call's own results is told
_ROUNDING = 1e-5  # of the largest value: what a sum in fp32 may be off by
_FEW = 0.5  # a share of values that can be compared below which the comparison proves nothing
_FEW_FINITE = 0.05  # infinities may be meant (a mask), but not nearly everywhere


def share_of_numbers(values: list[torch.Tensor]) -> float:
    """The share of the values of an output that say something: those that are not NaN; the finite ones when nearly all
    others are infinite."""
    count = sum(value.numel() for value in values)
    finite = sum(int(value.isfinite().sum()) for value in values) / count
    return finite if finite < _FEW_FINITE else 1 - sum(int(value.isnan().sum()) for value in values) / count


@dataclass
class Limits:
    """The tolerance. relative: see Accuracy. differing: the share of classes, masks and indices that may differ."""

    relative: float
    absolute: float | None = None
    differing: float = 0.0


@dataclass
class Accuracy:
    """Errors over all calls and outputs.

    max_relative: of outputs of floats, the largest difference over the largest eager value of that output, or of the
    part of it that is of another size (the scores beside boxes). agreement: of outputs of integers, bools and whole
    numbers, the share of equal elements of the worst one. cosine: the smallest. top1: the share of equal largest
    entries, for outputs that look like classes. compared: the smallest share of an output's values that were numbers in
    eager. faint: what is off by much of its own size and passes, beside larger results or for its size. indices: the
    names of outputs for which near is not right. batches: how many samples the calls had. reference: what the results
    are compared with. whole_absolute, whole_relative: the largest difference of classes and other whole numbers as
    numbers, and over the largest of them in the reference, which counts as at least 1.
    """

    indices: set[str] = field(default_factory=set)
    batches: set[int] = field(default_factory=set)
    reference: str = "eager"
    whole_absolute: float = 0.0
    whole_relative: float = 0.0

    samples: int = 0
    max_absolute: float = 0.0
    max_relative: float = 0.0
    cosine: float = 1.0
    agreement: float | None = None
    compared: float = 1.0
    worst_channel: str = ""
    worst_sample: int = 0
    faint: str = ""
    least_compared: str = ""
    least_equal: str = ""
    _values: dict[str, list[tuple[int, torch.Tensor, torch.Tensor]]] = field(default_factory=dict)
    _differing: dict[str, tuple[int, int, float, int]] = field(default_factory=dict)
    _top1: list[bool] = field(default_factory=list)
    _tolerance: float = 0.0

    def add(self, sample: int, names: list[str], expected: list[torch.Tensor], got: list[torch.Tensor]) -> None:
        """Take one call's outputs. A wrong number or shape of outputs counts as infinitely wrong."""
        self.samples += 1
        if len(expected) != len(got):
            self._note(math.inf, math.inf, f"{len(got)} outputs instead of {len(expected)}", sample)
            return
        for index, (left, right) in enumerate(zip(expected, got, strict=True)):
            name = names[index] if index < len(names) else f"output_{index}"
            if left.shape != right.shape:
                text = f"{name}: shape {list(right.shape)} instead of {list(left.shape)}"
                self._note(math.inf, math.inf, text, sample)
            elif left.numel():
                self._values.setdefault(name, []).append((sample, left.detach(), right.detach()))

    def judge(self, limits: Limits | None = None) -> Accuracy:
        """Compare the added outputs; the results are in the fields. limits: of a recipe, whose steps a call with small
        results may be off by."""
        self._tolerance = limits.relative if limits is not None else 0.0
        for name, values in self._values.items():
            is_number = values[0][1].is_floating_point() or values[0][1].is_complex()
            if is_number and not _are_classes(values):
                self._compare_numbers(name, values)
            else:
                self._compare_classes(name, values)
        self._values = {}
        return self

    def within(self, limits: Limits) -> bool:
        # Written so that NaN is not within.
        floats = self.max_relative <= limits.relative
        return floats and (limits.absolute is None or self.max_absolute <= limits.absolute) and not self.lost(limits)

    def lost(self, limits: Limits) -> str:
        """The output of classes, masks or indices that differs in too many elements; empty when there is none. Numbers
        that happen to be integers (a picture of 0 to 255) may instead be near ones. One element in ten calls of one is
        chance, therefore at least one may differ where any may."""
        for name, (differing, count, relative, _) in self._differing.items():
            allowed = max(math.floor(limits.differing * count), 1 if limits.differing >= _CHANCE else 0)
            if differing > allowed and relative > limits.relative:
                return name
        return ""

    def worst_call(self, limits: Limits) -> int:
        """The number of the call that is most off, as `add` was given it."""
        name = self.lost(limits)
        return self._differing[name][3] if name else self.worst_sample

    def nothing_compared(self) -> str:
        """The output of which too few values are finite in eager; empty when there is none."""
        return self.least_compared if self.compared < _FEW else ""

    def metadata(self, limits: Limits | None) -> dict[str, Any]:
        """The form that metadata.json has for it."""
        found: dict[str, Any] = {
            "samples": self.samples,
            "max_absolute": self.max_absolute,
            "max_relative": self.max_relative,
            "cosine": self.cosine,
            "worst_channel": self.worst_channel,
        }
        if limits is not None:
            found["tolerance"] = {"relative": limits.relative}
            if limits.absolute is not None:
                found["tolerance"]["absolute"] = limits.absolute
            if self.agreement is not None:
                found["tolerance"]["differing"] = limits.differing
        if self.agreement is not None:
            found["agreement"] = self.agreement
        if self.compared < 1.0:
            found["compared"] = self.compared
        if self._top1:
            found["top1"] = sum(self._top1) / len(self._top1)
        return found

    def _compare_numbers(self, name: str, values: list[tuple[int, torch.Tensor, torch.Tensor]]) -> None:
        pairs = [(sample, left.double(), right.double()) for sample, left, right in values]
        marked, mark = _marked([left for _, left, _ in pairs])
        self._compare_marked(name, pairs, marked, mark)
        usable = [~left.isnan() & ~there for (_, left, _), there in zip(pairs, marked, strict=True)]
        share = share_of_numbers([left for _, left, _ in pairs])
        if share < self.compared:
            self.compared, self.least_compared = share, name
        finite = [left.where(left.isfinite() & ~there, 0.0) for (_, left, _), there in zip(pairs, marked, strict=True)]
        largest = max(float(left.abs().max()) for left in finite)
        for (sample, left, right), known in zip(pairs, usable, strict=True):
            same_nan = bool(right[left.isnan()].isnan().all())
            self._compare_call(name, sample, left[known], right[known], same_nan, largest)
            if left.dim() == 2 and left.shape[1] > 1 and bool(known.all()):
                self._top1 += (left.argmax(1) == right.argmax(1)).tolist()
        # What is not a number was compared above; beside it the parts count all the same.
        both = [
            left.isfinite() & right.isfinite() & ~there for (_, left, right), there in zip(pairs, marked, strict=True)
        ]
        numbers = [
            (sample, left.where(mask, 0.0), right.where(mask, 0.0))
            for (sample, left, right), mask in zip(pairs, both, strict=True)
        ]
        self._compare_parts(name, numbers, largest)

    def _compare_marked(
        self, name: str, pairs: list[tuple[int, torch.Tensor, torch.Tensor]], marked: list[torch.Tensor], mark: float
    ) -> None:
        for (sample, left, right), there in zip(pairs, marked, strict=True):
            if bool(there.any()):
                off = float((left - right)[there].abs().max())
                self._note(off, off / abs(mark), f"{name}, where it is {mark:.3g}", sample)

    def _compare_call(
        self, name: str, sample: int, left: torch.Tensor, right: torch.Tensor, same_nan: bool, largest: float
    ) -> None:
        same = left.isinf() & (left == right)
        left, right = left[~same], right[~same]
        if not same_nan or not bool(left.isfinite().all() and right.isfinite().all()):
            self._note(math.inf, math.inf, f"{name}: not a number or infinite where {self.reference} is not", sample)
            return
        if not left.numel():
            return
        difference = float((left - right).abs().max())
        most = float(left.abs().max())
        reference = max(most, self._quiet(left.numel()) * largest, self._smallest())
        self._note(difference, difference / reference, name, sample)
        if most > 0 and _FAINT * most < difference <= self._tolerance * reference:
            others = (
                "too small to judge" if reference == self._smallest() else f"judged by larger ones, up to {largest:.2g}"
            )
            self.faint = f"In a call where '{name}' is at most {most:.2g} it is off by {difference:.2g}: {others}."
        norms = float(left.norm() * right.norm())
        if norms > 0 and most >= max(SMALLEST_REFERENCE, _QUIET_CALL * largest):
            self.cosine = min(self.cosine, float(left @ right) / norms)

    def _quiet(self, count: int) -> float:
        """The part of the largest result that a call's error is judged by if the call's own results are smaller."""
        if count < _FEW_VALUES:
            return min(1.0, max(_QUIET_CALL, 25 * self._tolerance))
        return min(_QUIET_COARSE, max(_QUIET_CALL, 2.5 * self._tolerance))

    def _smallest(self) -> float:
        return min(SMALLEST_REFERENCE, _SMALLEST_ERROR / self._tolerance) if self._tolerance else SMALLEST_REFERENCE

    def _compare_parts(self, name: str, pairs: list[tuple[int, torch.Tensor, torch.Tensor]], largest: float) -> None:
        for part in parts_of([left for _, left, _ in pairs], self.batches):
            for sample, left, right in pairs:
                difference = float((part.of(left) - part.of(right)).abs().max())
                beyond = max(0.0, difference - _ROUNDING * largest)
                text = f"{name}, {_part_text(part, largest)}"
                self._note(difference, beyond / max(part.scale, SMALLEST_REFERENCE), text, sample)

    def _compare_classes(self, name: str, values: list[tuple[int, torch.Tensor, torch.Tensor]]) -> None:
        differing, count, relative, worst = 0, 0, 0.0, Counter[int]()
        for sample, left, right in values:
            unequal = int((left != right).sum())
            differing, count = differing + unequal, count + left.numel()
            worst[sample] += unequal
            most = float(left.double().abs().max())
            off = float((left.double() - right.double()).abs().max())
            self.whole_absolute = max(self.whole_absolute, off)
            self.whole_relative = max(self.whole_relative, off / max(most, 1.0))
            if left.dtype is not torch.bool and most > 1 and name not in self.indices:
                relative = max(relative, off / most)
            elif unequal:
                relative = math.inf
        self._differing[name] = (differing, count, relative, worst.most_common(1)[0][0])
        share = 1.0 - differing / count
        if self.agreement is None or share < self.agreement:
            self.agreement, self.least_equal = share, name

    def _note(self, absolute: float, relative: float, name: str, sample: int) -> None:
        self.max_absolute = max(self.max_absolute, absolute)
        if relative >= self.max_relative:
            self.max_relative, self.worst_channel, self.worst_sample = relative, name, sample


_CHANCE = 0.01
_MARK, _LEAST_MARK = 1000, 1e4  # so many times larger than all others, and so large


def _marked(values: list[torch.Tensor]) -> tuple[list[torch.Tensor], float]:
    """Where an output has a number that stands for none, such as -1e9 at moves that are not allowed, and that number.
    Beside it every error of the others would be nothing."""
    finite = torch.cat([value[value.isfinite()].flatten() for value in values])
    nowhere = [torch.zeros_like(value, dtype=torch.bool) for value in values]
    if not finite.numel():
        return nowhere, 0.0
    mark = float(finite[finite.abs().argmax()])
    others = finite[finite / mark < 0.9] if abs(mark) >= _LEAST_MARK else finite[:0]
    if not others.numel() or not 0 < float(others.abs().max()) * _MARK < abs(mark):
        return nowhere, 0.0
    return [value.isfinite() & (value / mark >= 0.9) for value in values], mark


def _are_classes(values: list[tuple[int, torch.Tensor, torch.Tensor]]) -> bool:
    """Whether floats are classes or a mask: whole numbers in all calls, in eager and the program, and not all equal."""
    for _, left, right in values:
        for value in (left, right):
            if value.is_complex() or not bool((value.isfinite() & (value == value.round())).all()):
                return False
    first = values[0][1].flatten()[0]
    return any(bool((left != first).any()) for _, left, _ in values)


def _part_text(part: Part, largest: float) -> str:
    shown = ", ".join(map(str, part.indices[:4])) + (", ..." if len(part.indices) > 4 else "")
    return f"its part {shown} of axis {part.axis} (up to {part.scale:.3g}, where the output goes to {largest:.3g})"
