"""Conditions of `--fail-if` of compare and evaluate: `top1 drop > 0.5%`, `size > 2 MB`, `slower > 10%`, `top1 < 90%`.

METRIC drop   how much worse the second program's metric is, on the data of --inputs
METRIC        the metric of a program (evaluate)
slower        how much longer a call of the second takes, when it is more than the spread
larger        how much larger the second program is
size memory   bytes of the (second) program; of its planned memory
max_relative max_absolute   the largest difference between the two programs' results
differing     share of classes, masks and indices that differ between the two programs' results
`metric` stands for that of --metric FILE.py:function.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from importer.amounts import NUMBER, forgotten_percent, holds, percent, takes_percent
from importer.errors import ImporterError
from importer.options import METRICS, metric_file

_UNITS = {"": 1.0, "%": 0.01, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9}
_BYTES = ("size", "memory")
_NAMES = (*METRICS, "metric")
OF_COMPARISON = (
    *(f"{name} drop" for name in _NAMES), "slower", "larger", "max_relative", "max_absolute", "differing", *_BYTES
)  # fmt: skip
OF_EVALUATION = (*_NAMES, *_BYTES)


@dataclass(frozen=True)
class Condition:
    """A condition that must not hold. quantity: a name of OF_COMPARISON or OF_EVALUATION."""

    text: str
    quantity: str
    comparison: str
    bound: float
    in_percent: bool = False

    def broken_by(self, value: float, name: str = "") -> str:
        """The message when a value meets the condition, else an empty text. name: of the program that has it."""
        if not holds(value, self.comparison, self.bound):
            return ""
        plain = f"{value:,.0f} bytes" if self.quantity in _BYTES else f"{value:.4g}"
        shown = f"it is {percent(value) if self.in_percent else plain}"
        if math.isinf(value):
            shown = "the results cannot be compared"
        return f"{name}: {self.text}: {shown}" if name else f"{self.text}: {shown}"


def parse(text: str, quantities: Sequence[str]) -> list[Condition]:
    """Conditions separated by commas, on some quantities; raises CONDITION_INVALID."""
    found = []
    for part in (part.strip() for part in text.split(",")):
        match = re.fullmatch(rf"(\w+(?:\s+drop)?)\s*(>=|<=|>|<)\s*(-?{NUMBER})\s*([a-zA-Z%]*)", part)
        quantity = " ".join(match.group(1).split()) if match else ""
        unit = match.group(4).lower() if match else ""
        if match is None or quantity not in quantities or unit not in _allowed_units(quantity):
            cause = f"`{part}` is not a condition."
            remedy = (
                f"Write {', '.join(quantities)}, then > >= < or <=, and a number, with % or KB, MB where that fits."
            )
            if unit == "%" and quantity in quantities and not takes_percent(quantity):
                remedy = f"Write {quantity} without %, as a number in its own unit."
            raise ImporterError("CONDITION_INVALID", cause, remedy)
        if wrong := forgotten_percent(quantity, float(match.group(3)), unit):
            raise ImporterError("CONDITION_INVALID", f"`{part}` cannot be what is meant.", wrong[0].upper() + wrong[1:])
        found.append(Condition(part, quantity, match.group(2), float(match.group(3)) * _UNITS[unit], unit == "%"))
    return found


def of_comparison(condition: Condition, found: dict[str, Any]) -> float:
    """The quantity of a comparison. Raises CONDITION_INVALID when it was not measured."""
    first, second = found["programs"]
    if condition.quantity.endswith(" drop"):
        evaluation = _evaluated(condition, condition.quantity.removesuffix(" drop"), found.get("evaluation"))
        drop = evaluation["values"][0] - evaluation["values"][1]
        return float(drop if evaluation["more_is_better"] else -drop)
    if condition.quantity == "slower":
        return max((float(row["change"]) for row in found["times"].values() if row["differs"]), default=0.0)
    if condition.quantity == "larger":
        return float(second["size"] / first["size"] - 1)
    if condition.quantity in _BYTES:
        return _bytes(condition, second)
    return _difference(condition, found["difference"])


def _difference(condition: Condition, found: dict[str, Any]) -> float:
    """How much the results differ; infinity when they cannot be compared."""
    name = condition.quantity
    if name != "differing":
        return math.inf if found[name] is None else float(found[name])
    if "agreement" in found:
        return 1.0 - float(found["agreement"])
    cause = f"`{condition.text}` does not fit: the programs have no output of classes, masks or indices."
    raise ImporterError("CONDITION_INVALID", cause, "Write max_relative or max_absolute.")


def of_evaluation(condition: Condition, found: dict[str, Any], row: dict[str, Any]) -> float:
    """The quantity of one program of an evaluation. Raises CONDITION_INVALID when it was not measured."""
    if condition.quantity in _BYTES:
        return _bytes(condition, row)
    _evaluated(condition, condition.quantity, found)
    return float(row["value"])


def _evaluated(condition: Condition, metric: str, evaluation: dict[str, Any] | None) -> dict[str, Any]:
    measured = evaluation["metric"] if evaluation else ""
    if evaluation and (measured == metric or (metric == "metric" and metric_file(measured))):
        return evaluation
    cause = f"`{condition.text}` needs the metric '{metric}', which was not measured."
    raise ImporterError("CONDITION_INVALID", cause, f"Pass --inputs DATA --metric {metric}.")


def _bytes(condition: Condition, side: dict[str, Any]) -> float:
    return float(side["size"] if condition.quantity == "size" else side["planned_memory"])


def _allowed_units(quantity: str) -> tuple[str, ...]:
    if quantity in _BYTES:
        return ("b", "kb", "mb", "gb")
    return ("", "%") if takes_percent(quantity) else ("",)
