"""Converts the candidates of a search, for a limited time. What was converted before comes from the cache."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from importer.cache.entry import Artifact
from importer.errors import ImporterError
from importer.progress import Progress
from importer.scheduling.work import Conversion, Scheduler
from importer.search.candidates import Candidate, Candidates
from importer.search.target import Target, parse

_ANY_ERROR = "1e30"
_FINAL = ("CANCELLED", "DISK_FULL")

Listener = Callable[[Candidate, Progress], None]


def search(
    conversion: Conversion,
    target: str,
    scheduler: Scheduler,
    told: Listener,
    cancelled: threading.Event | None = None,
) -> Artifact:
    """The smallest or fastest program of a model that meets the target; its metadata has the field `search`.

    conversion: with the evaluation data, and with the time of the whole search as its deadline; its recipe is not used.
    cancelled: an event; when it is set, the search ends after the conversion that runs, with CANCELLED.
    Raises TARGET_INVALID, EVALUATION_MISSING, TARGET_NOT_REACHED, OPTION_INVALID, and the error of the first candidate
    when none can be converted.
    """
    options = conversion.options
    wanted = parse(target, options.metric)
    if not options.evaluate.strip():
        cause = "A search measures each candidate on held-out data, and there is none."
        remedy = "Set the option 'evaluate' to labelled data: a folder or a .npz."
        raise ImporterError("EVALUATION_MISSING", cause, remedy, "read")
    if options.variants.strip() or options.float_layers.strip():
        cause = "A search chooses the recipe and the float layers itself, and makes one program."
        remedy = "Leave the options 'variants' and 'float_layers' empty."
        raise ImporterError("OPTION_INVALID", cause, remedy, "read")
    ends_at = time.monotonic() + options.deadline_seconds
    state, artifacts, complete = Candidates(wanted), dict[Candidate, Artifact](), True
    failures: list[ImporterError] = []
    while complete and (candidates := state.following()):
        conversions = [_of(conversion, candidate, wanted, ends_at) for candidate in candidates]

        def report(index: int, progress: Progress, names: list[Candidate] = candidates) -> None:
            told(names[index], progress)

        with contextlib.closing(scheduler.run(conversions, report)) as ends:
            for end in ends:
                if cancelled and cancelled.is_set():
                    raise ImporterError("CANCELLED", "The search was cancelled.", "Start it again: it continues there.")
                if end.error and end.error.code in _FINAL:
                    raise end.error
                if end.error and time.monotonic() > ends_at:
                    complete = False  # it was ended by the search's own deadline
                    break
                failures += [end.error] if end.error else []
                artifacts |= {candidates[end.index]: end.artifact} if end.artifact else {}
                state.add(candidates[end.index], end.error or end.artifact.metadata)  # type: ignore[union-attr]
                complete = time.monotonic() < ends_at
                if not complete:
                    break
    best = state.best()
    if best is None:
        raise _not_reached(state, wanted, complete, failures)
    described = {
        "target": wanted.text,
        "complete": complete,
        "chosen": {"recipe": best.recipe, "float_layers": list(best.float_layers)},
        "candidates": state.rows(),
        "layers": state.layers(),
    }
    artifact = artifacts[best]
    return replace(artifact, metadata={**artifact.metadata, "search": described})


def _of(conversion: Conversion, candidate: Candidate, target: Target, ends_at: float) -> Conversion:
    given = conversion.options
    options = replace(
        given,
        recipe=candidate.recipe,
        float_layers=", ".join(candidate.float_layers),
        metric=target.metric or given.metric,
        deadline_seconds=max(1, round(ends_at - time.monotonic())),
        max_relative_error=_ANY_ERROR if candidate.measures else given.max_relative_error,
    )
    return replace(conversion, options=options)


def _not_reached(state: Candidates, target: Target, complete: bool, failures: list[ImporterError]) -> ImporterError:
    nearest = state.nearest()
    if nearest is None and failures:
        return failures[0]
    reached = "nothing was measured"
    if nearest is not None:
        kept = f" with {', '.join(nearest['float_layers'])} in fp32" if nearest["float_layers"] else ""
        reached = f"the best is {nearest['recipe']}{kept}: drop {nearest['drop']:.4g}, {nearest['size']:,} bytes"
    when = "" if complete else " before the deadline"
    cause = f"No candidate reaches `{target.text}`{when}; {reached}."
    remedy = (
        "Allow a larger drop, or train the network with quantization (docs/python.md)."
        if complete
        else "Raise the option 'deadline_seconds': what was converted is kept, and the search continues there."
    )
    return ImporterError("TARGET_NOT_REACHED", cause, remedy, "validate")
