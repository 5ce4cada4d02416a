"""Conditions of `compare --fail-if` on the second program: `top1 drop > 0.5%`, `size > 2 MB`, `slower > 10%`.

METRIC drop   how much worse the second program's metric is, on the data of --inputs
slower        how much longer a call of the second takes, when it is more than the spread
larger        how much larger the second program is
size memory   bytes of the second program; of its planned memory
max_relative max_absolute   the largest difference between the two programs' results
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import Any

from importer.errors import ImporterError

_UNITS = {"": 1.0, "%": 0.01, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9}
_COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_BYTES = ("size", "memory")
_SHARES = ("slower", "larger", "max_relative", "max_absolute")


@dataclass(frozen=True)
class Condition:
    """A condition that must not hold. quantity: a name of this module, or a metric's with `drop`."""

    text: str
    quantity: str
    comparison: str
    bound: float

    def broken_by(self, found: dict[str, Any]) -> str:
        """The message when a comparison meets the condition, else an empty text. Raises CONDITION_INVALID when the
        comparison does not have the quantity."""
        value = _value(found, self)
        if not _COMPARISONS[self.comparison](value, self.bound):
            return ""
        shown = f"{value:,.0f} bytes" if self.quantity in _BYTES else f"{value:.4g}"
        return f"{self.text}: it is {shown}"


def parse(text: str) -> list[Condition]:
    """Conditions separated by commas; raises CONDITION_INVALID."""
    found = []
    for part in (part.strip() for part in text.split(",")):
        match = re.fullmatch(r"(\w+(?:\s+drop)?)\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)?)\s*([a-zA-Z%]*)", part)
        quantity = " ".join(match.group(1).split()) if match else ""
        unit = match.group(4).lower() if match else ""
        known = quantity in (*_BYTES, *_SHARES) or quantity.endswith(" drop")
        if match is None or not known or unit not in _allowed_units(quantity):
            cause = f"`{part}` is not a condition."
            names = ", ".join(("METRIC drop", *_SHARES, *_BYTES))
            remedy = f"Write {names}, then > >= < or <=, and a number, with % or KB, MB where that fits."
            raise ImporterError("CONDITION_INVALID", cause, remedy)
        found.append(Condition(part, quantity, match.group(2), float(match.group(3)) * _UNITS[unit]))
    return found


def _allowed_units(quantity: str) -> tuple[str, ...]:
    return ("b", "kb", "mb", "gb") if quantity in _BYTES else ("", "%")


def _value(found: dict[str, Any], condition: Condition) -> float:
    first, second = found["programs"]
    if condition.quantity.endswith(" drop"):
        evaluation, metric = found.get("evaluation"), condition.quantity.removesuffix(" drop")
        if not evaluation or evaluation["metric"] != metric:
            cause = f"`{condition.text}` needs the metric '{metric}', which was not measured."
            raise ImporterError("CONDITION_INVALID", cause, f"Pass --inputs DATA --metric {metric}.")
        drop = evaluation["values"][0] - evaluation["values"][1]
        return float(drop if evaluation["more_is_better"] else -drop)
    if condition.quantity == "slower":
        return max((float(row["change"]) for row in found["times"].values() if row["differs"]), default=0.0)
    if condition.quantity == "larger":
        return float(second["size"] / first["size"] - 1)
    if condition.quantity in _BYTES:
        return float(second["size"] if condition.quantity == "size" else second["planned_memory"])
    return float(found["difference"][condition.quantity] or 0.0)
