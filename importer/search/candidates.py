"""What a search tries next: every recipe first, then int8 with more and more of its worst layers in fp32, then in fp16.

A layer's worth is the squared error that it alone adds to the output, for each weight (smallest) or for each
multiplication (fastest) that it costs to keep it in fp32. The k layers of the largest worth stay fp32: k doubles until
the target is met, and then the smallest such k is found by halving. At last these k layers are tried in fp16. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from importer.errors import ImporterError
from importer.search.target import OBJECTIVES, Target, drop_of

UNIFORM = (
    "xnnpack_int8_static",
    "xnnpack_int8_dynamic",
    "xnnpack_fp32",
    "xnnpack_fp16",
    "xnnpack_int8_static_per_tensor",
    "xnnpack_int8_int4",
)
_MIXED = ("xnnpack_int8_static", "xnnpack_int8_dynamic")
_COST = {"smallest": "weights", "fastest": "multiplications"}


@dataclass(frozen=True)
class Candidate:
    """A conversion. float_layers: what is not int8, as in the import option: `head` stays fp32, `head: fp16` fp16."""

    recipe: str
    float_layers: tuple[str, ...] = ()


class Candidates:
    """The state of a search: give it the result of each candidate that `following` names, until there are no more."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._asked: list[Candidate] = []
        self._rows: dict[Candidate, dict[str, Any]] = {}
        self._layers: dict[str, list[Mapping[str, Any]]] = {}

    def following(self) -> list[Candidate]:
        """Independent conversions that are to be done next; empty at the end."""
        if not self._rows:
            found = [Candidate(recipe) for recipe in UNIFORM]
        else:
            found = [candidate for recipe in _MIXED for candidate in self._of_mixed(recipe)]
        following = [candidate for candidate in found if candidate not in self._rows]
        self._asked += [candidate for candidate in following if candidate not in self._asked]
        return following

    def add(self, candidate: Candidate, result: Mapping[str, Any] | ImporterError) -> None:
        """The metadata of a candidate, or why it cannot be converted."""
        row: dict[str, Any] = {"recipe": candidate.recipe, "float_layers": list(candidate.float_layers)}
        self._rows[candidate] = row
        if isinstance(result, ImporterError):
            self.refuse(candidate, result)
            return
        if not candidate.float_layers:
            self._layers[candidate.recipe] = list(result.get("layers", []))
        row |= {
            "size": result["payload"]["size"],
            "executorch_us": result["timings"]["executorch_us"],
            "max_relative": result["accuracy"]["max_relative"],
            "drop": drop_of(result["evaluation"]),
        }

    def refuse(self, candidate: Candidate, error: ImporterError) -> None:
        """The candidate cannot be the result, for example because its program fails its proof."""
        self._rows[candidate] |= {"error": error.code, "cause": error.cause}

    def best(self) -> Candidate | None:
        """The smallest or fastest candidate that meets the target."""
        met = [candidate for candidate, row in self._usable() if self._target.is_met(row["drop"])]
        return min(met, key=lambda candidate: float(self._rows[candidate][self._quantity]), default=None)

    def nearest(self) -> dict[str, Any] | None:
        """The row of the candidate with the smallest drop."""
        return min((row for _, row in self._usable()), key=lambda row: float(row["drop"]), default=None)

    def rows(self) -> list[dict[str, Any]]:
        """`{recipe, float_layers, size, executorch_us, max_relative, drop, front}` of each. front: no other one is
        smaller, faster and better at once. What cannot be the result has `error` and `cause` in place of `front`. In
        the order in which `following` named them, whatever ended first."""
        usable = [row for _, row in self._usable()]
        rows = [self._rows[candidate] for candidate in self._asked if candidate in self._rows]
        return [{**row, **({"front": _is_of_front(row, usable)} if "error" not in row else {})} for row in rows]

    def layers(self) -> list[Mapping[str, Any]]:
        """The layers of the first recipe that was measured, with the error that each alone adds."""
        return next((self._layers[recipe] for recipe in _MIXED if self._layers.get(recipe)), [])

    @property
    def _quantity(self) -> str:
        return OBJECTIVES[self._target.objective]

    def _usable(self) -> Iterable[tuple[Candidate, dict[str, Any]]]:
        return [(key, row) for key, row in self._rows.items() if "error" not in row]

    def _of_mixed(self, recipe: str) -> list[Candidate]:
        uniform, best = self._rows[Candidate(recipe)], self.best()
        if self._quantity not in uniform or (best and self._rows[best][self._quantity] <= uniform[self._quantity]):
            return []  # it cannot be converted, or a mixture would be larger and slower than the best
        ranked = self._ranked(recipe)
        count = len(ranked)
        if count < 2:
            return []
        doubling = [2**power for power in range(count.bit_length()) if 2**power < count]
        first = [Candidate(recipe, ranked[:kept]) for kept in doubling]
        if any(candidate not in self._rows for candidate in first):
            return first
        good = [kept for kept in range(1, count) if self._meets(Candidate(recipe, ranked[:kept]))]
        above = min(good, default=count)
        tried = [kept for kept in range(1, above) if Candidate(recipe, ranked[:kept]) in self._rows]
        below = max(tried, default=0)
        middle = (below + above) // 2
        if below < middle < above:
            return [Candidate(recipe, ranked[:middle])]
        return [Candidate(recipe, tuple(f"{name}: fp16" for name in ranked[:above]))] if good else []

    def _meets(self, candidate: Candidate) -> bool:
        row = self._rows.get(candidate, {"error": ""})
        return "error" not in row and self._target.is_met(row["drop"])

    def _ranked(self, recipe: str) -> tuple[str, ...]:
        cost = _COST[self._target.objective]
        layers = sorted(self._layers.get(recipe, []), key=lambda item: -(item["error"] ** 2) / max(1, item[cost]))
        return tuple(str(item["layer"]) for item in layers)


def _is_of_front(row: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> bool:
    names = ("size", "executorch_us", "drop")
    return not any(
        all(other[name] <= row[name] for name in names) and any(other[name] < row[name] for name in names)
        for other in others
    )
