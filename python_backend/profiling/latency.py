"""Statistics of measured times; latency_statistics.gd computes the same for Godot."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

FRAMES_PER_SECOND = 60.0


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


def frame_share(duration_us: float) -> float:
    """The share of a 60 Hz frame that a call takes."""
    return duration_us * FRAMES_PER_SECOND / 1e6


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the samples lie, between the two nearest: as in the dock, and numpy's."""
    rank = percent / 100 * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def histogram_range(ordered: Sequence[float]) -> tuple[float, float]:
    """The stretch that a histogram shows: the longest percent would leave a sliver for all others."""
    begin, end = ordered[0], percentile(ordered, 99)
    margin = max((end - begin) * 0.08, end * 0.01 + 0.01)
    return max(begin - margin, 0.0), end + margin


def histogram(ordered: Sequence[float], bins: int, low: float, high: float) -> list[int]:
    """Calls in each of equal bins, of ascending samples. The last bin also holds what is longer; what is shorter than
    `low` is in none."""
    edges = [low + (high - low) * index / bins for index in range(bins)]
    places = [*(bisect_left(ordered, edge) for edge in edges), len(ordered)]
    return [end - begin for begin, end in pairwise(places)]
