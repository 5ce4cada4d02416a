"""How far results are from eager fp32. Works on tensors; imports torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch

SMALLEST_REFERENCE = 1e-5  # below it a relative error says nothing


@dataclass
class Accuracy:
    """Errors over all samples and outputs. relative: the largest difference over the largest eager value of that
    output. cosine: the smallest. top1: the share of equal largest entries, for outputs that look like classes."""

    samples: int = 0
    max_absolute: float = 0.0
    max_relative: float = 0.0
    cosine: float = 1.0
    worst_output: str = ""
    worst_sample: int = 0
    _top1: list[bool] = field(default_factory=list)

    def add(self, sample: int, names: list[str], expected: list[torch.Tensor], got: list[torch.Tensor]) -> None:
        """Compare one call's outputs. A wrong number or shape of outputs counts as infinitely wrong."""
        self.samples += 1
        if len(expected) != len(got):
            self._note(math.inf, math.inf, f"{len(got)} outputs instead of {len(expected)}", sample)
            return
        for index, (left, right) in enumerate(zip(expected, got, strict=True)):
            name = names[index] if index < len(names) else f"output_{index}"
            if left.shape != right.shape:
                self._note(
                    math.inf, math.inf, f"{name}: shape {list(right.shape)} instead of {list(left.shape)}", sample
                )
            elif left.numel():
                self._compare(name, left.detach().double().flatten(), right.detach().double().flatten(), sample)
                if left.dim() == 2 and left.shape[1] > 1 and left.is_floating_point():
                    self._top1 += (left.argmax(1) == right.argmax(1)).tolist()

    def metadata(self, absolute: float | None, relative: float) -> dict[str, Any]:
        """The form that metadata.json has for it."""
        tolerance: dict[str, Any] = {"relative": relative}
        if absolute is not None:
            tolerance["absolute"] = absolute
        found: dict[str, Any] = {
            "samples": self.samples,
            "max_absolute": self.max_absolute,
            "max_relative": self.max_relative,
            "cosine": self.cosine,
            "worst_output": self.worst_output,
            "tolerance": tolerance,
        }
        if self._top1:
            found["top1"] = sum(self._top1) / len(self._top1)
        return found

    def within(self, absolute: float | None, relative: float) -> bool:
        # Written so that NaN is not within.
        return self.max_relative <= relative and (absolute is None or self.max_absolute <= absolute)

    def _compare(self, name: str, left: torch.Tensor, right: torch.Tensor, sample: int) -> None:
        same_special = (left.isnan() & right.isnan()) | (left.isinf() & (left == right))
        left, right = left[~same_special], right[~same_special]
        if not left.numel():
            return
        if not bool(left.isfinite().all() and right.isfinite().all()):
            self._note(math.inf, math.inf, f"{name}: not a number or infinite where eager is not", sample)
            return
        difference = float((left - right).abs().max())
        scale = max(float(left.abs().max()), SMALLEST_REFERENCE)
        self._note(difference, difference / scale, name, sample)
        norms = float(left.norm() * right.norm())
        if norms > 0 and float(left.abs().max()) >= SMALLEST_REFERENCE:
            self.cosine = min(self.cosine, float(left @ right) / norms)

    def _note(self, absolute: float, relative: float, name: str, sample: int) -> None:
        self.max_absolute = max(self.max_absolute, absolute)
        if relative >= self.max_relative:
            self.max_relative, self.worst_output, self.worst_sample = relative, name, sample
