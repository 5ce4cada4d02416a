"""The pictures of `sweep` and of a search: bars of each recipe, and the front of size, time and error. As PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from importer.amounts import metric_text
from importer.cli.output import write_report
from importer.search.target import Target

_LINE, _LEFT, _WIDTH, _GAP = 26, 290, 230, 90
_SIDE, _MARGIN = 380, 70  # of a front, in pixels
_LABEL = 24  # the width of a label
_BACK, _TEXT, _DIM = "#20242c", "#d0d6e0", "#606a7c"
_COLOURS = {"size": "#5b9bd5", "executorch_us": "#70b87e", "max_relative": "#d9a441", "value": "#c586c0"}
_FRONT, _CHOSEN, _REFUSED = "#70b87e", "#ffffff", "#e07070"
_UNITS = {"size": (1e3, "KB"), "executorch_us": (1.0, "us"), "max_relative": (0.01, "%")}


def draw_recipes(rows: Sequence[Mapping[str, Any]], title: str, path: Path, value: str = "") -> None:
    """Bars of size, time and error of each row `{recipe, size, executorch_us, max_relative}` or `{recipe, error}`, and
    of the row's `value` if it has a name here."""
    image = _canvas(_bars_width(value), 80 + _LINE * len(rows))
    _bars(image, rows, title, value, value)
    _save(image, path)


def draw_search(found: Mapping[str, Any], title: str, path: Path, target: Target) -> None:
    """The candidates of a search (the metadata's `search`) as bars, and below them the front: the drop of the metric
    against size and against time. Filled points are on the front, a ring is around the chosen one, and the line is the
    largest drop that the target allows."""
    rows = [
        {**row, "value": row.get("drop"), "recipe": f"{number}  {label_of(row['recipe'], row['float_layers'])}"}
        for number, row in enumerate(found["candidates"], 1)
    ]
    top = 80 + _LINE * len(rows)
    image = _canvas(_bars_width("drop"), top + _SIDE + _MARGIN)
    _bars(image, rows, title, "drop of the metric", target.metric)
    for place, name in enumerate(("size", "executorch_us")):
        left = _MARGIN + place * (_SIDE + 2 * _MARGIN)
        _front(image, (left, top + 30), found, name, target)
    _save(image, path)


def _save(image: Any, path: Path) -> None:
    content = io.BytesIO()
    image.save(content, "PNG")
    write_report(path, content.getvalue())


def label_of(recipe: str, float_layers: Sequence[str]) -> str:
    """A candidate's name for people."""
    if not float_layers:
        return recipe
    kind = "fp16" if float_layers[0].endswith(": fp16") else "fp32"
    return f"{recipe}, {len(float_layers)} {kind}"


def _canvas(width: int, height: int) -> Any:
    from PIL import Image

    return Image.new("RGB", (width, height), _BACK)


def _bars_width(value: str) -> int:
    return _LEFT + (4 if value else 3) * (_WIDTH + _GAP) + 20


def _bars(image: Any, rows: Sequence[Mapping[str, Any]], title: str, value: str, metric: str) -> None:
    from PIL import ImageDraw, ImageFont

    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    panels = {"size": "size", "executorch_us": "time of a call", "max_relative": "relative error"}
    panels |= {"value": value} if value else {}
    pen.text((16, 12), title, fill="#ffffff", font=ImageFont.load_default(18))
    for index, row in enumerate(rows):
        pen.text((16, 68 + index * _LINE), row["recipe"], fill=_REFUSED if "error" in row else _TEXT, font=font)
        if "size" not in row:
            pen.text((_LEFT, 68 + index * _LINE), row["error"], fill=_REFUSED, font=font)
    for number, (name, heading) in enumerate(panels.items()):
        x = _LEFT + number * (_WIDTH + _GAP)
        pen.text((x, 42), heading, fill="#9aa4b5", font=font)
        known = {index: row[name] for index, row in enumerate(rows) if row.get(name) is not None}
        most = max((abs(amount) for amount in known.values()), default=0) or 1
        for index, amount in known.items():
            y, length = 68 + index * _LINE, max(2, round(amount / most * _WIDTH))  # a drop may be negative
            colour = _DIM if "error" in rows[index] else _COLOURS[name]
            pen.rectangle((x, y + 2, x + length, y + _LINE - 8), fill=colour)
            pen.text((x + length + 6, y), _amount(amount, name, metric), fill="#ffffff", font=font)


def _front(image: Any, corner: tuple[int, int], found: Mapping[str, Any], name: str, target: Target) -> None:
    from PIL import ImageDraw, ImageFont

    pen, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    left, top = corner
    points = {number: row for number, row in enumerate(found["candidates"], 1) if name in row}
    most = 1.1 * max(row[name] for row in points.values())
    drops = [row["drop"] for row in points.values() if "error" not in row]
    low, high = min([0.0, *drops]), max([2 * target.bound, *drops])
    below, above = low - 0.05 * (high - low), high + 0.05 * (high - low)

    def place(row: Mapping[str, Any]) -> tuple[float, float]:
        drop = min(above, max(below, row["drop"]))
        return left + row[name] / most * _SIDE, top + (above - drop) / ((above - below) or 1) * (_SIDE - 40)

    pen.rectangle((left, top, left + _SIDE, top + _SIDE - 40), outline=_DIM)
    pen.text((left, top - 18), "drop of the metric", fill="#9aa4b5", font=font)
    heading = {"size": "size", "executorch_us": "time of a call"}[name]
    pen.text((left, top + _SIDE - 34), f"{heading}, up to {_amount(most, name)}", fill="#9aa4b5", font=font)
    line = place({name: 0, "drop": target.bound})[1]
    pen.line((left, line, left + _SIDE, line), fill=_REFUSED)
    pen.text((left + 4, line - 16), f"target {metric_text(target.metric, target.bound)}", fill=_REFUSED, font=font)
    front = sorted(place(row) for row in points.values() if row.get("front"))
    pen.line(front, fill=_DIM)
    for row in sorted(points.values(), key=lambda row: bool(row.get("front"))):  # the front on top
        x, y = place(row)
        colour = _colour(row)
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour if row.get("front") else _BACK, outline=colour)
        if {key: row[key] for key in found["chosen"]} == found["chosen"]:
            pen.ellipse((x - 8, y - 8, x + 8, y + 8), outline=_CHOSEN)
    for near in groups({number: place(row) for number, row in points.items()}):
        x, y = place(points[near[-1]])
        rows = [points[number] for number in near]
        colour = _colour(next((row for row in rows if row.get("front")), rows[-1]))
        pen.text((x + 9, y - 7), ", ".join(map(str, near)), fill=colour, font=font)


def groups(places: Mapping[int, tuple[float, float]]) -> list[list[int]]:
    """The numbers of points, from left to right, those together whose labels would lie on each other."""
    found: list[list[int]] = []
    for number in sorted(places, key=lambda number: places[number]):
        x, y = places[number]
        for group in found:
            last = places[group[-1]]
            if x - last[0] < _LABEL and abs(y - last[1]) < _LABEL / 2:
                group.append(number)
                break
        else:
            found.append([number])
    return found


def _colour(row: Mapping[str, Any]) -> str:
    return _REFUSED if "error" in row else _FRONT if row["front"] else _TEXT


def _amount(amount: float, name: str, metric: str = "") -> str:
    if name == "value":
        return metric_text(metric, amount)
    unit, word = _UNITS.get(name, (1.0, ""))
    value = amount / unit
    return (f"{value:,.0f} {word}" if abs(value) >= 1000 else f"{value:.3g} {word}").rstrip()
