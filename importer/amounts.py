"""How quantities are written, in conditions and in tables alike. Standard library only."""

from __future__ import annotations

import math
import operator

SHARES = ("top1", "top5", "iou")
"""Metrics that are shares of something, which people write in %."""
_IN_THE_UNIT_OF_THE_OUTPUTS = ("mae", "rmse", "max_absolute")
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?"
"""A number of a condition or a target, as a regular expression: `5`, `0.5`, `1e-3`."""
_COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_ROUNDING = 1e-9  # 1 - 0.995 is more than 0.005 in floats


def takes_percent(quantity: str) -> bool:
    """Whether a number of a quantity (`rmse drop`) may have `%`: 5% of an error in a unit of its own could mean a part
    of the error as well."""
    return quantity.removesuffix(" drop") not in _IN_THE_UNIT_OF_THE_OUTPUTS


def forgotten_percent(quantity: str, bound: float, unit: str) -> str:
    """What is wrong with a bound of a share that no share reaches, such as `top1 drop > 5`; empty for others."""
    name = quantity.removesuffix(" drop")
    if unit or name not in (*SHARES, "differing") or abs(bound) <= 1.0:
        return ""
    return f"{name} is a share, from 0 to 1: write {bound:g}%, or {bound / 100:g}."


def holds(value: float, comparison: str, bound: float) -> bool:
    """A comparison in which numbers that differ by rounding only are equal."""
    if math.isclose(value, bound, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
        return "=" in comparison
    return bool(_COMPARISONS[comparison](value, bound))


def metric_text(metric: str, value: float) -> str:
    """A metric's value, such as `91.67%` or `0.25`."""
    return percent(value) if metric in SHARES else f"{value:.5g}"


def change_text(metric: str, value: float) -> str:
    """A difference of a metric's values, with its sign."""
    return f"{value * 100:+.4g}%" if metric in SHARES else f"{value:+.4g}"


def percent(value: float) -> str:
    """A share such as `91.67%`."""
    return f"{value * 100:.4g}%"
