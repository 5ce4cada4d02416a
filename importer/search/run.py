"""Converts the candidates of a search, for a limited time. What was converted before comes from the cache.

Candidates are converted with any error: one that is too far from eager PyTorch is kept in the cache too, and is not
tried again when the search continues. The best one is then converted as usual, with its proof.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from importer.amounts import metric_text
from importer.cache.entry import Artifact
from importer.errors import ImporterError
from importer.lowering import recipes
from importer.options import ImportOptions
from importer.progress import Progress
from importer.scheduling.work import Conversion, Ended, Scheduler
from importer.search.candidates import Candidate, Candidates
from importer.search.target import Target, parse

_ANY_ERROR = "1e30"
_CONTINUES = "Raise the option 'deadline_seconds': what was converted is kept, and the search continues there."
_FINAL = ("CANCELLED", "DISK_FULL")

Listener = Callable[[Candidate, Progress], None]


@dataclass(frozen=True)
class Found:
    """The result of a search. cached: every conversion of it was in the cache."""

    artifact: Artifact
    cached: bool


def search(
    conversion: Conversion,
    target: str,
    scheduler: Scheduler,
    told: Listener,
    cancelled: threading.Event | None = None,
) -> Found:
    """The smallest or fastest program of a model that meets the target; its metadata has the field `search`.

    conversion: with the evaluation data, and with the time of the whole search as its deadline; its recipe is not used.
    cancelled: an event; when it is set, the search ends with CANCELLED.
    Raises TARGET_INVALID, EVALUATION_MISSING, TARGET_NOT_REACHED, DEADLINE_EXCEEDED, OPTION_INVALID, and the error of
    the first candidate when none can be converted.
    """
    options = conversion.options
    wanted = parse(target, options.metric)
    if not options.evaluate.strip() and not options.factory.strip():
        raise _nothing_to_evaluate()
    if options.variants.strip() or options.float_layers.strip():
        cause = "A search chooses the recipe and the float layers itself, and makes one program."
        remedy = "Leave the options 'variants' and 'float_layers' empty."
        raise ImporterError("OPTION_INVALID", cause, remedy, "read")
    named = replace(conversion, options=replace(options, metric=wanted.metric or options.metric))
    return _Search(named, wanted, scheduler, told, cancelled or threading.Event()).run()


class _Search:
    def __init__(
        self, conversion: Conversion, target: Target, scheduler: Scheduler, told: Listener, cancelled: threading.Event
    ) -> None:
        self._conversion = conversion
        self._target = target
        self._scheduler = scheduler
        self._told = told
        self._cancelled = cancelled
        self._state = Candidates(target)
        self._ends_at = time.monotonic() + conversion.options.deadline_seconds
        self._longest = 0.0
        self._is_complete = True
        self._is_cached = True
        self._failures: list[ImporterError] = []

    def run(self) -> Found:
        while True:
            self._explore()
            best = self._state.best()
            artifact = self._proved(best) if best else None
            if best and artifact:
                return Found(replace(artifact, metadata={**artifact.metadata, "search": self._described(best)}),
                             self._is_cached)  # fmt: skip
            if not self._is_complete and (best or self._state.nearest() is None):
                raise _out_of_time(best)
            if best is None:
                raise _not_reached(self._state, self._target, self._is_complete, self._failures)

    def _explore(self) -> None:
        """Convert candidates until there are no more, or only the time for the proof of the best one is left."""
        while self._is_complete and (candidates := self._state.following()):
            for candidate, end in self._converted(candidates, self._measuring, lambda: self._ends_at - self._longest):
                self._longest = max(self._longest, 0.0 if end.cached else end.seconds)
                if end.error:
                    self._failures.append(end.error)
                found: Any = end.error or end.artifact.metadata  # type: ignore[union-attr]
                if end.artifact and "evaluation" not in found:
                    raise _nothing_to_evaluate()
                self._state.add(candidate, found)
                if end.artifact and (lost := _lost(self._conversion.options, candidate, end.artifact.metadata)):
                    self._state.refuse(candidate, lost)

    def _proved(self, best: Candidate) -> Artifact | None:
        """The artifact of the best candidate; None when its proof fails or the time is over."""
        for candidate, end in self._converted([best], self._plain, lambda: self._ends_at):
            if end.error:
                self._failures.append(end.error)
                self._state.refuse(candidate, end.error)
            return end.artifact
        return None

    def _converted(
        self, candidates: list[Candidate], options_of: Callable[[Candidate], ImportOptions], until: Callable[[], float]
    ) -> Iterator[tuple[Candidate, Ended]]:
        """Each candidate as its conversion ends; those that the deadline ends are left out."""

        def is_over() -> bool:
            return self._cancelled.is_set() or time.monotonic() > until()

        def report(index: int, progress: Progress) -> None:
            self._told(candidates[index], progress)

        conversions = [replace(self._conversion, options=options_of(candidate)) for candidate in candidates]
        with contextlib.closing(self._scheduler.run(conversions, report, is_over)) as ends:
            for end in ends:
                if self._cancelled.is_set():
                    raise ImporterError("CANCELLED", "The search was cancelled.", "Start it again: it continues there.")
                if end.error and time.monotonic() > until():
                    self._is_complete = False
                    return
                if end.error and end.error.code in _FINAL:
                    raise end.error
                self._is_cached = self._is_cached and end.cached
                yield candidates[end.index], end

    def _plain(self, candidate: Candidate) -> ImportOptions:
        return replace(
            self._conversion.options,
            recipe=candidate.recipe,
            float_layers=", ".join(candidate.float_layers),
            deadline_seconds=max(1, round(self._ends_at - time.monotonic())),
        )

    def _measuring(self, candidate: Candidate) -> ImportOptions:
        return replace(self._plain(candidate), max_relative_error=_ANY_ERROR, max_absolute_error="")

    def _described(self, best: Candidate) -> dict[str, Any]:
        return {
            "target": self._target.text,
            "complete": self._is_complete,
            "chosen": {"recipe": best.recipe, "float_layers": list(best.float_layers)},
            "candidates": self._state.rows(),
            "layers": self._state.layers(),
        }


def _nothing_to_evaluate() -> ImporterError:
    cause = "A search measures each candidate on held-out data, and there is none."
    remedy = "Set the option 'evaluate' to labelled data (a folder or a .npz), or give the factory evaluation()."
    return ImporterError("EVALUATION_MISSING", cause, remedy, "read")


def _lost(options: ImportOptions, candidate: Candidate, found: dict[str, Any]) -> ImporterError | None:
    """The error for a program that its proof will refuse. Of a float recipe only the proof itself knows the tolerance,
    which depends on the model's dtype."""
    recipe = recipes.get(candidate.recipe)
    if not recipe.changes_numbers:
        return None
    relative = options.tolerance("max_relative_error", recipe.relative)
    absolute = options.tolerance("max_absolute_error", 0.0) if options.max_absolute_error.strip() else math.inf
    accuracy = found["accuracy"]
    if accuracy["max_relative"] <= relative and accuracy["max_absolute"] <= absolute:
        return None
    off = f"off by {accuracy['max_absolute']:.3g} (relative {accuracy['max_relative']:.3g}; allowed: {relative:g})"
    cause = f"The results of {candidate.recipe} are too far from eager PyTorch: {off}."
    return ImporterError("ACCURACY_LOST", cause, "Choose a finer recipe, or raise max_relative_error.", "validate")


def _out_of_time(best: Candidate | None) -> ImporterError:
    """Whether the model can reach the target is not known."""
    what = f"{best.recipe} reaches the target, but there was no time for its proof" if best else "nothing was measured"
    cause = f"The deadline ended the search too early: {what}."
    return ImporterError("DEADLINE_EXCEEDED", cause, _CONTINUES, "validate")


def _not_reached(state: Candidates, target: Target, complete: bool, failures: list[ImporterError]) -> ImporterError:
    nearest = state.nearest()
    if nearest is None and failures:
        return failures[0]
    reached = "none can be converted"
    if nearest is not None:
        kept = f" with the float layers {', '.join(nearest['float_layers'])}" if nearest["float_layers"] else ""
        drop = metric_text(target.metric, nearest["drop"])
        reached = f"the best is {nearest['recipe']}{kept}: drop {drop}, {nearest['size']:,} bytes"
    when = "" if complete else " before the deadline"
    cause = f"No candidate reaches `{target.text}`{when}; {reached}."
    remedy = "Allow a larger drop, or train the network with quantization (docs/python.md)." if complete else _CONTINUES
    return ImporterError("TARGET_NOT_REACHED", cause, remedy, "validate")
