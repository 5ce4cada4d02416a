"""A program with the names that its author gave: a `.pte` keeps few, the metadata saved with it all. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from importer.cache.cache_key import external_file
from importer.cache.entry import MAX_METADATA, METADATA, PAYLOAD
from importer.cache.known_hashes import known_hash
from importer.plain_files import read_plain
from importer.program import metadata
from importer.signature import TensorSpec

_SUFFIX = ".metadata.json"
_VARIANT_BEGINS = f"{Path(PAYLOAD).stem}."


def described(path: Path) -> dict[str, Any]:
    """What metadata.inspect reads of a `.pte`, with its weights outside of it, and with the names and ranges of inputs
    and outputs that the metadata beside it has for this very program. Raises PTE_INVALID and FILE_NOT_READABLE."""
    found = metadata.inspect(path)
    weights = external_file(path) if found.get("external_tensors") else None
    if weights:
        found["payload"]["external"] = [{"file": weights.name, "size": weights.stat().st_size}]
    if methods := _methods_beside(path):
        found["methods"] = [_named(method, methods.get(method["name"], {})) for method in found["methods"]]
    return found


def metadata_files(path: Path) -> tuple[Path, ...]:
    """Where a program's metadata may be: `NAME.metadata.json`, of a variant (`NAME.RECIPE.pte`) that of its model, and
    in the artifact cache `metadata.json`."""
    places = [path.with_suffix(_SUFFIX)]
    if name := path.stem.rpartition(".")[0]:
        places.append(path.with_name(f"{name}{_SUFFIX}"))
    if path.name == PAYLOAD or path.name.startswith(_VARIANT_BEGINS):
        places.append(path.with_name(METADATA))
    return tuple(places)


def _methods_beside(path: Path) -> dict[str, Mapping[str, Any]]:
    """The methods by their names; empty when no metadata beside the program is its own."""
    digest = ""
    for place in metadata_files(path):
        try:
            found = json.loads(read_plain(place, MAX_METADATA))
            digest = digest or known_hash(path)
            own = [item for item in (found, *found.get("variants", ())) if item["payload"]["sha256"] == digest]
            if own:
                return {str(method["name"]): method for method in own[0]["methods"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # somebody else's file
    return {}


def _named(method: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    sides = {side: _tensors(method[side], given.get(side)) for side in ("inputs", "outputs")}
    return {**method, **sides}


def _tensors(known: list[dict[str, Any]], given: object) -> list[dict[str, Any]]:
    """The tensors of a program as its metadata describes them, when it describes these."""
    try:
        specs = [TensorSpec.of(item) for item in given] if isinstance(given, Sequence) else []
    except (ValueError, KeyError, TypeError, AttributeError):
        return known
    names = [spec.name for spec in specs]
    fit = len(specs) == len(known) and all(names) and len(set(names)) == len(names)
    if not fit or any(
        (spec.dtype, spec.shape) != (item["dtype"], item["shape"]) for spec, item in zip(specs, known, strict=True)
    ):
        return known
    return [spec.metadata() for spec in specs]
