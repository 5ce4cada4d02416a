"""Variants: further programs of one model, each made with a recipe of its own and proved like the main program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from importer.cache.entry import PAYLOAD, VARIANT
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.progress import Stages

_SIDES = ("inputs", "outputs")
_SIGNATURE = ("name", "dtype", "shape", "ranges", "size_names")


def convert_variants(
    main: dict[str, Any],
    convert: Callable[[ImportOptions, Path], dict[str, Any]],
    options: ImportOptions,
    building: Path,
    stages: Stages,
) -> list[dict[str, Any]]:
    """Write each variant's program into `building`; returns what the metadata says of them.

    main: the same of the main program, whose notes may get one more. convert(options, folder) writes a program.
    Raises VARIANT_DIFFERS when a variant would be called in another way, and a recipe's own errors.
    """
    found = []
    for recipe in options.variant_recipes():
        if recipe == main["recipe"]:  # AUTO chose it
            main["notes"].append(f"The variant {recipe} is the main program.")
            continue
        stages.enter("load", f"variant {recipe}")
        folder = building / recipe
        folder.mkdir()
        try:
            body = convert(replace(options, recipe=recipe, variants=""), folder)
        except ImporterError as error:
            error.cause = f"The variant {recipe} failed: {error.cause}"
            error.remedy = f"{error.remedy} Or leave {recipe} out of the option 'variants'."
            raise
        _check_signature(recipe, main["methods"], body["methods"])
        (folder / PAYLOAD).rename(building / VARIANT.format(recipe))
        notes = [note for note in body["notes"] if note not in main["notes"]]
        found.append({**body, "recipe": recipe, "notes": notes})
    return found


def _check_signature(recipe: str, main: list[dict[str, Any]], variant: list[dict[str, Any]]) -> None:
    """A game calls every variant in the same way."""
    if _signature(main) != _signature(variant):
        names = [", ".join(str(method["name"]) for method in methods) for methods in (main, variant)]
        what = "inputs or outputs" if names[0] == names[1] else f"methods ({names[1]} instead of {names[0]})"
        cause = f"The variant {recipe} has other {what} than the main program."
        raise ImporterError("VARIANT_DIFFERS", cause, f"Leave {recipe} out of the option 'variants'.", "validate")


def _signature(methods: list[dict[str, Any]]) -> list[Any]:
    return [
        [method["name"], *[[{key: item.get(key) for key in _SIGNATURE} for item in method[side]] for side in _SIDES]]
        for method in methods
    ]
