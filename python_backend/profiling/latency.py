"""What a list of measured times says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def summarise(samples_us: Sequence[float]) -> dict[str, Any]:
    """Count, mean, percentiles, deviation, and calls per second; times in microseconds."""
    ordered = sorted(samples_us)
    mean = math.fsum(ordered) / len(ordered)
    deviation = math.sqrt(math.fsum((sample - mean) ** 2 for sample in ordered) / len(ordered))
    return {
        "count": len(ordered),
        "mean_us": mean,
        "p50_us": percentile(ordered, 50),
        "p90_us": percentile(ordered, 90),
        "p99_us": percentile(ordered, 99),
        "min_us": ordered[0],
        "max_us": ordered[-1],
        "deviation_us": deviation,
        "calls_per_second": 1e6 / mean if mean else 0.0,
    }


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the samples lie, between the two nearest: as in the dock, and numpy's."""
    rank = (len(ordered) - 1) * percent / 100
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def histogram(samples_us: Sequence[float], bins: int = 40) -> list[tuple[float, float, int]]:
    """`(from, to, count)` of equal bins up to the 99.5th percentile; the last one takes what is above."""
    ordered = sorted(samples_us)
    low, high = ordered[0], max(percentile(ordered, 99.5), ordered[0] * 1.0001 + 1e-9)
    width = (high - low) / bins
    counts = [0] * bins
    for sample in ordered:
        counts[min(bins - 1, int((sample - low) / width))] += 1
    return [(low + index * width, low + (index + 1) * width, count) for index, count in enumerate(counts)]
