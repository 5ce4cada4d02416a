"""Keeps what differs from one conversion to the next apart from what is equal for equal input. No torch."""

from __future__ import annotations

import copy
from typing import Any

from importer.program.delegation import MEASURED

_OF_VARIANT = ("timings", "time_shares", "notes")


def split(metadata: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(metadata that is equal for equal input, measurements).

    The measurements are the date, `timings`, `time_shares` (method -> `delegated` and each operator that no backend
    took, 0 to 1), `notes` about times, `search` with its candidates' times, and of each variant `timings`,
    `time_shares` and `notes`. Files with the first part can be committed: converting the same
    file with the same versions writes the same bytes.
    """
    stable = copy.deepcopy(metadata)
    measured: dict[str, Any] = {
        "date": stable.get("provenance", {}).pop("date", ""),
        "timings": stable.pop("timings", {}),
        "time_shares": {},
        "notes": [note for note in stable.get("notes", []) if note.startswith(MEASURED)],
    }
    stable["notes"] = [note for note in stable.get("notes", []) if not note.startswith(MEASURED)]
    if "search" in stable:
        measured["search"] = stable.pop("search")
    for variant in stable.get("variants", []):
        split_variant, found = split(variant)
        variant.clear()
        variant.update(split_variant)
        measured.setdefault("variants", {})[variant["recipe"]] = {key: found[key] for key in _OF_VARIANT}
    for method in stable.get("methods", []):
        delegation = method.get("delegation", {})
        shares = {"delegated": delegation.pop("time_share")} if "time_share" in delegation else {}
        for item in delegation.get("left_behind", []):
            if "time_share" in item:
                shares[item["operator"]] = item.pop("time_share")
        # They stood in the order of their times.
        delegation.get("left_behind", []).sort(key=lambda item: (-item["count"], item["operator"]))
        if shares:
            measured["time_shares"][method["name"]] = shares
    return stable, measured
