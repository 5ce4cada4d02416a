"""`python -m importer sweep IN`: every recipe side by side, as a table and as a picture."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from importer.cli.convert import cache_from, conversion_from, options_from
from importer.cli.output import console, print_json
from importer.cli.progress_table import ProgressTable
from importer.errors import ImporterError
from importer.jobs.reading import read
from importer.jobs.starting import Spawn
from importer.options import RECIPES
from importer.scheduling import choose
from importer.scheduling.work import Ended


def run(chosen: argparse.Namespace) -> int:
    """Returns 4 when no recipe worked."""
    rows = sweep(chosen)
    if chosen.plot:
        draw(rows, chosen.source.name, chosen.plot)
    if chosen.json:
        print_json("sweep", {"recipes": rows})
    elif not chosen.quiet or all("error" in row for row in rows):
        _print(rows, chosen.source.name)
    return 0 if any("error" not in row for row in rows) else 4


def sweep(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each recipe: {recipe, size, executorch_us, eager_us, max_relative, cosine, share} or an error."""
    options = options_from(chosen)
    if read("kinds", [chosen.source], Spawn())[0]["kind"] == "pte":
        cause = f"{chosen.source.name} is a finished program, which no recipe changes."
        raise ImporterError("OPTION_INVALID", cause, "Give the model that it was made of.", "read")
    recipes = RECIPES[1:]
    conversions = [conversion_from(chosen.source, chosen, replace(options, recipe=recipe)) for recipe in recipes]
    scheduler = choose.scheduler(cache_from(chosen), chosen.cluster, libraries=chosen.library)
    rows: dict[int, dict[str, Any]] = {}
    with (
        ProgressTable(recipes, not chosen.quiet and not chosen.no_progress, chosen.verbose) as table,
        contextlib.closing(scheduler.run(conversions, table.told)) as ends,
    ):
        for end in ends:
            rows[end.index] = _row(recipes[end.index], end)
            table.ended(end.index)
    return [rows[index] for index in range(len(recipes))]


def _row(recipe: str, end: Ended) -> dict[str, Any]:
    if end.error:
        return {"recipe": recipe, "error": end.error.code, "cause": end.error.cause}
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


def draw(rows: list[dict[str, Any]], title: str, path: Path) -> None:
    """Bars of size, time, error and, if the rows have it, drop of the metric for each recipe, as a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    panels = [
        ("size", "size", 1e3, "KB"),
        ("executorch_us", "time of a call", 1.0, "us"),
        ("max_relative", "relative error", 0.01, "%"),
        *([("drop", "drop of the metric", 0.01, "%")] if any("drop" in row for row in rows) else []),
    ]
    good = [row for row in rows if "error" not in row]
    line, left, width = 26, 260, 230
    image = Image.new("RGB", (left + len(panels) * (width + 90) + 20, 80 + line * len(rows)), "#20242c")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(14)
    pen.text((16, 12), title, fill="#ffffff", font=ImageFont.load_default(18))
    for index, row in enumerate(rows):
        pen.text((16, 68 + index * line), row["recipe"], fill="#d0d6e0", font=font)
        if "error" in row:
            pen.text((left, 68 + index * line), row["error"], fill="#e07070", font=font)
    for number, (field, heading, unit, name) in enumerate(panels):
        x = left + number * (width + 90)
        pen.text((x, 42), heading, fill="#9aa4b5", font=font)
        most = max((row[field] for row in good), default=0) or 1
        for index, row in enumerate(rows):
            if "error" in row:
                continue
            y = 68 + index * line
            length = max(2, round(row[field] / most * width))  # a drop may be negative
            pen.rectangle(
                (x, y + 2, x + length, y + line - 8), fill=("#5b9bd5", "#70b87e", "#d9a441", "#c586c0")[number]
            )
            pen.text((x + length + 6, y), f"{row[field] / unit:.3g} {name}", fill="#ffffff", font=font)
    image.save(path, "PNG")


def _print(rows: list[dict[str, Any]], title: str) -> None:
    table = Table(title=escape(title), title_justify="left")
    metric = next((row["evaluation"]["metric"] for row in rows if "evaluation" in row), "")
    for name in ("recipe", "size", "time", "eager", "relative error", "cosine", "delegated", *filter(None, [metric])):
        table.add_column(name, justify="left" if name == "recipe" else "right")
    for row in rows:
        if "error" in row:
            table.add_row(row["recipe"], f"[red]{row['error']}[/red]")
        else:
            table.add_row(
                row["recipe"],
                f"{row['size'] / 1e3:,.1f} KB",
                f"{row['executorch_us']:.1f} us",
                f"{row['eager_us']:.1f} us",
                f"{row['max_relative']:.1e}",
                f"{row['cosine']:.5f}",
                f"{row['share']:.0%}",
                *([f"{row['evaluation']['program']:.5g}"] if metric else []),
            )
    screen = console()
    screen.print(table)
    for row in rows:
        if "error" in row:
            screen.print(f"{row['recipe']}: {row['cause']}", style="dim", highlight=False, markup=False)
