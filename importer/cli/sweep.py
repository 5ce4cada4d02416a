"""`python -m importer sweep IN`: every recipe side by side, as a table and as a picture."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import replace
from typing import Any

from importer.amounts import change_text, metric_text
from importer.cache.cache_key import hashed
from importer.cache.known_hashes import known_hash
from importer.cli.convert import cache_from, conversion_from, options_from
from importer.cli.output import check_report, console, print_json, table
from importer.cli.plot import draw_recipes
from importer.cli.progress_table import ProgressTable
from importer.errors import ImporterError, exit_status
from importer.jobs.reading import read
from importer.jobs.starting import Spawn
from importer.lowering.recipes import that_run_here
from importer.scheduling import choose
from importer.scheduling.work import Ended


def run(chosen: argparse.Namespace) -> int:
    """When no recipe worked, the exit status of the worst error."""
    if chosen.plot:
        check_report(chosen.plot)
    ends = sweep(chosen)
    rows = [_row(recipe, end) for recipe, end in ends.items()]
    if chosen.plot:
        metric = next((row["evaluation"]["metric"] for row in rows if "evaluation" in row), "")
        with_value = [{**row, "value": row.get("evaluation", {}).get("program")} for row in rows]
        draw_recipes(with_value, chosen.source.name, chosen.plot, metric)
    if chosen.json:
        print_json("sweep", {"recipes": rows})
    elif not chosen.quiet or all("error" in row for row in rows):
        _print(rows, chosen.source.name)
    failed = [exit_status(end.error) for end in ends.values() if end.error]
    return max(failed) if len(failed) == len(ends) else 0


def sweep(chosen: argparse.Namespace) -> dict[str, Ended]:
    """The conversion of each recipe. Raises what does not depend on the recipe."""
    options = options_from(chosen)
    hashed(chosen.source, known_hash)
    if read("kinds", [chosen.source], Spawn())[0]["kind"] == "pte":
        cause = f"{chosen.source.name} is a finished program, which no recipe changes."
        raise ImporterError("OPTION_INVALID", cause, "Give the model that it was made of.", "read")
    recipes = that_run_here()
    conversions = [conversion_from(chosen.source, chosen, replace(options, recipe=recipe)) for recipe in recipes]
    scheduler = choose.scheduler(cache_from(chosen), chosen.cluster)
    found: dict[int, Ended] = {}
    with (
        ProgressTable(recipes, not chosen.quiet and not chosen.no_progress, chosen.verbose) as table,
        contextlib.closing(scheduler.run(conversions, table.told)) as ends,
    ):
        for end in ends:
            found[end.index] = end
            table.ended(end.index)
    return {recipe: found[index] for index, recipe in enumerate(recipes)}


def _row(recipe: str, end: Ended) -> dict[str, Any]:
    """{recipe, size, executorch_us, eager_us, max_relative, cosine, share}, or an error."""
    if end.error:
        return {"recipe": recipe, "error": end.error.code, "cause": end.error.cause, "remedy": end.error.remedy}
    assert end.artifact
    meta = end.artifact.metadata
    return {
        "recipe": recipe,
        "size": meta["payload"]["size"],
        "executorch_us": meta["timings"]["executorch_us"],
        "eager_us": meta["timings"]["eager_us"],
        "max_relative": meta["accuracy"]["max_relative"],
        "cosine": meta["accuracy"]["cosine"],
        "share": meta["methods"][0]["delegation"]["share"],
        **({"evaluation": meta["evaluation"]} if "evaluation" in meta else {}),
    }


def _print(rows: list[dict[str, Any]], title: str) -> None:
    metric = next((row["evaluation"]["metric"] for row in rows if "evaluation" in row), "")
    measured = (metric, f"{metric} eager", f"{metric} exported", "95% of the difference") if metric else ()
    shown = table(title, "recipe", "size", "time", "eager", "relative error", "cosine", "delegated", *measured)
    for row in rows:
        if "error" in row:
            shown.add_row(row["recipe"], f"[red]{row['error']}[/red]")
        else:
            shown.add_row(
                row["recipe"],
                f"{row['size'] / 1e3:,.1f} KB",
                f"{row['executorch_us']:.1f} us",
                f"{row['eager_us']:.1f} us",
                f"{row['max_relative']:.1e}",
                f"{row['cosine']:.5f}",
                f"{row['share']:.0%}",
                *(_evaluation(row["evaluation"]) if metric else []),
            )
    screen = console()
    screen.print(shown)
    told: dict[str, list[str]] = {}
    for row in rows:
        if "error" in row:
            told.setdefault(f"{row['cause']} {row['remedy']}", []).append(row["recipe"])
    for words, recipes in told.items():
        screen.print(f"{', '.join(recipes)}: {words}", style="dim", highlight=False, markup=False)


def _evaluation(found: dict[str, Any]) -> list[str]:
    metric, (low, high) = found["metric"], found["interval"]
    values = [metric_text(metric, found[side]) for side in ("program", "eager", "exported")]
    interval = f"{change_text(metric, low)} to {change_text(metric, high)}"
    return [*values, "no difference" if low <= 0 <= high else interval]
