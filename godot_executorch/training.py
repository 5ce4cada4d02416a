"""What quantization-aware training gained: the trained program beside the one of the same recipe without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from godot_executorch.artifact import Artifact
from importer.cli.compare import compare_confined
from importer.errors import ImporterError
from importer.jobs.starting import starter
from importer.lowering import recipes
from importer.options import ImportOptions

_FINAL = ("CANCELLED", "DISK_FULL")


def with_training(
    found: Artifact, post_training: Callable[[], Artifact], recipe: str, options: ImportOptions, project: Path | None
) -> Artifact:
    """The trained artifact with the gain in its metadata, or with a note why it was not measured. post_training:
    converts the network as it was before the training."""
    if recipes.get(recipe).needs_calibration and not options.calibration:
        return _noted(found, "What the training gained was not measured: give calibration data for the comparison.")
    try:
        other = post_training()
        compared = compare_confined(other.path, found.path, options.evaluate, options.metric, project, starter())
        gained = compared["evaluation"]
    except ImporterError as error:
        if error.code in _FINAL:
            raise
        return _noted(found, f"What the training gained was not measured: {error.cause}")
    assert other.metadata.evaluation is not None
    sign = 1.0 if gained["more_is_better"] else -1.0
    return found.with_metadata(
        {
            "training": {
                "recipe": recipe,
                "metric": gained["metric"],
                "more_is_better": gained["more_is_better"],
                "samples": gained["samples"],
                "before": other.metadata.evaluation.eager,
                "post_training": gained["values"][0],
                "trained": gained["values"][1],
                "gain": sign * gained["difference"],
                "interval": sorted(sign * bound for bound in gained["interval"]),
            }
        }
    )


def _noted(found: Artifact, note: str) -> Artifact:
    known: list[Any] = list(found.metadata.notes)
    return found.with_metadata({"notes": [*known, note]})
