"""The target of a search: `top1 drop < 0.5%, smallest` or `rmse drop < 0.02, fastest`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from importer.amounts import NUMBER, forgotten_percent, holds, takes_percent
from importer.errors import ImporterError
from importer.options import METRICS, metric_file

OBJECTIVES = {"smallest": "size", "fastest": "executorch_us"}
"""The last word of a target, and the quantity of a candidate that it wants to be small."""
_OWN = "metric"  # the word for a metric of a file


@dataclass(frozen=True)
class Target:
    """metric: a name, or empty for that of the option `metric`. bound: how much worse than eager PyTorch the program's
    metric may be, in the metric's own unit; strict: it must be less than that. objective: of OBJECTIVES."""

    text: str
    metric: str
    bound: float
    strict: bool
    objective: str

    def is_met(self, drop: float) -> bool:
        return holds(drop, "<" if self.strict else "<=", self.bound)


def parse(text: str, metric: str) -> Target:
    """The target of a text. metric: the option `metric`. Raises TARGET_INVALID."""
    match = re.fullmatch(rf"\s*(\w+)\s+drop\s*(<=?)\s*({NUMBER})\s*(%?)\s*,\s*(\w+)\s*", text)
    if not match or match.group(1) not in (*METRICS, _OWN) or match.group(5) not in OBJECTIVES:
        raise _invalid(f"`{text:.200}` is not a target.")
    name = match.group(1)
    if match.group(4) and not takes_percent(name):
        raise _invalid(f"`{text:.200}` has a %, but {name} has the unit of the outputs: write a number without %.")
    if name == _OWN and not metric_file(metric):
        raise _invalid("`metric drop` stands for a metric of your own, but none is named.")
    if name != _OWN and metric.strip() not in ("", name):
        raise _invalid(f"The target is about {name}, but the metric is {metric.strip():.80}.")
    if wrong := forgotten_percent(name, float(match.group(3)), match.group(4)):
        raise _invalid(f"`{text:.200}` allows everything: {wrong}")
    bound = float(match.group(3)) * (0.01 if match.group(4) else 1.0)
    return Target(text.strip(), "" if name == _OWN else name, bound, match.group(2) == "<", match.group(5))


def drop_of(evaluation: Mapping[str, Any]) -> float:
    """How much worse the program is than eager PyTorch; negative when it is better."""
    difference = float(evaluation["difference"])
    return 0.0 - difference if evaluation["more_is_better"] else difference


def _invalid(cause: str) -> ImporterError:
    names = ", ".join(METRICS)
    remedy = (
        f'Write "top1 drop < 0.5%, smallest" or "..., fastest". Metrics: {names}, and `metric` for that of '
        "FILE.py:function."
    )
    return ImporterError("TARGET_INVALID", cause, remedy, "read")
