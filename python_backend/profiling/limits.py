"""Conditions that make a profile fail in CI: `p99 > 5ms`, `mean >= 800 us`, `file > 2 MB`, `delegated < 90%`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from importer.amounts import NUMBER, holds
from importer.errors import ImporterError

_UNITS = {"us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "%": 0.01, "": 1.0}
_TIMES = ("p50", "p90", "p99", "mean", "min", "max")
METRICS = (*_TIMES, "load", "first_call", "file", "planned", "memory", "delegated")


@dataclass(frozen=True)
class Condition:
    """One condition that must not hold."""

    text: str
    metric: str
    comparison: str
    bound: float

    def broken_by(self, profile: dict[str, Any]) -> str:
        """The message when the profile meets the condition, else an empty text."""
        if self.metric == "delegated" and profile["delegation"].get("opaque"):
            cause = f"`{self.text}` is not known: the program's backend does not say which operators it runs."
            raise ImporterError("CONDITION_INVALID", cause, "Leave out this condition for this program.")
        value = _value(profile, self.metric)
        if not holds(value, self.comparison, self.bound):
            return ""
        return f"{self.text}: {self.metric} is {_shown(self.metric, value)}"


def parse(text: str) -> list[Condition]:
    """Conditions separated by commas; raises CONDITION_INVALID."""
    found = []
    for part in (part.strip() for part in text.split(",")):
        match = re.fullmatch(rf"(\w+)\s*(>=|<=|>|<)\s*({NUMBER})\s*([a-zA-Zµ%]*)", part)
        metric, unit = (match.group(1).lower(), match.group(4).lower()) if match else ("", "")
        if match is None or metric not in METRICS or unit not in _allowed_units(metric):
            cause = f"`{part}` is not a condition such as `p99 > 5ms`."
            remedy = (
                f"Write a metric ({', '.join(METRICS)}), one of > >= < <=, and a number with us, ms, s, KB, MB or %."
            )
            raise ImporterError("CONDITION_INVALID", cause, remedy)
        found.append(Condition(part, metric, match.group(2), float(match.group(3)) * _UNITS[unit]))
    return found


def _allowed_units(metric: str) -> tuple[str, ...]:
    if metric in ("file", "planned", "memory"):
        return ("b", "kb", "mb", "gb")
    return ("%",) if metric == "delegated" else ("us", "µs", "ms", "s")


def _value(profile: dict[str, Any], metric: str) -> float:
    load, memory = profile["load"], profile["memory"]
    if metric in _TIMES:
        return float(profile["latency"][f"{metric}_us"])
    values = {
        "load": load["load_us"],
        "first_call": load["first_call_us"],
        "file": memory["file"],
        "planned": memory["planned_total"],
        "memory": memory["resident_after_calls"],
        "delegated": profile["delegation"].get("share", 0.0),
    }
    return float(values[metric])


def _shown(metric: str, value: float) -> str:
    from python_backend.profiling.units import bytes_text, time_text

    if metric == "delegated":
        return f"{value:.1%}"
    return bytes_text(value) if metric in ("file", "planned", "memory") else time_text(value)
