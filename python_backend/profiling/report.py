"""A profile as one HTML file: no script, nothing fetched, light and dark."""

from __future__ import annotations

import datetime
from html import escape
from typing import Any

from python_backend.profiling import latency, operators, plots
from python_backend.profiling.tables import reconciliation_text
from python_backend.profiling.units import bytes_text, shape_text, time_text

MOST_ROWS = 60

_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --ink: #1c222b; --soft: #5d6775; --line: #dfe3e8;
  --accent: #2f6fb3; --bad: #c8372d; --good: #2d7d46; }
@media (prefers-color-scheme: dark) { :root { --page: #1b1f26; --card: #252b34; --ink: #e6e9ee; --soft: #9aa5b4;
  --line: #39414d; --accent: #6aa9e9; --bad: #ff7a6b; --good: #6fd08c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 16px; margin: 0 0 12px; }
p { margin: 0; color: var(--soft); }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; color: var(--ink); overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px;
  margin-top: 16px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 14px; }
.figures b { display: block; font-size: 21px; line-height: 1.25; white-space: nowrap; }
.figures span, small { color: var(--soft); font-size: 13px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg .mark { fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
svg .inside { fill: #fff; font-weight: 600; }
svg .axis { stroke: var(--line); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: right; color: var(--soft); font-weight: 500; font-size: 13px; padding: 4px 8px; }
td { text-align: right; padding: 5px 8px; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
th:nth-child(2), td:nth-child(2), th:last-child { text-align: left; }
td.share { width: 24%; text-align: left; }
@media (max-width: 760px) { th:nth-child(2), td:nth-child(2) { font-size: 0; } th:nth-child(6), td:nth-child(6) {
  display: none; } section { padding: 14px; } td.share { width: 30%; } .scroll { overflow-x: auto; } }
.bar { display: inline-block; height: 11px; border-radius: 3px; vertical-align: -1px; margin-right: 7px; }
.backend { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 7px; }
.verdict { border-left: 5px solid var(--good); } .verdict.failed { border-left-color: var(--bad); }
@media print { body { background: none; } section { break-inside: avoid; } }
"""


def page(profile: dict[str, Any], broken: list[str], conditions: list[str]) -> str:
    """The report; `conditions` are the given ones, `broken` names those that do not hold."""
    title = escape(f"{profile['name']}: profile")
    sections = [
        _figures(profile),
        _verdict(broken, conditions),
        _section("Time of each call", plots.time_line(profile["samples_us"])),
        _section("How often which time", plots.histogram(profile["samples_us"])),
        _section(
            "Operators", _operators(profile["operators"]) + f"<small>{escape(reconciliation_text(profile))}</small>"
        ),
        _section("One call", plots.call_chart(profile["trace"]["events"])),
        _section("Memory", _memory(profile["memory"])),
        _section("Measured on", _machine(profile)),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>{_head(profile)}{''.join(sections)}</main></body></html>\n"
    )


def _head(profile: dict[str, Any]) -> str:
    inputs = ", ".join(f"{item['name']}: {shape_text(item)}" for item in profile["inputs"])
    outputs = ", ".join(f"{item['name']}: {shape_text(item)}" for item in profile["outputs"])
    signature = f"{profile['method']}({inputs}) -> {outputs}"
    return f"<h1>{escape(profile['name'])}</h1><p><code>{escape(signature)}</code></p>"


def _figures(profile: dict[str, Any]) -> str:
    times, memory, share = profile["latency"], profile["memory"], profile["delegation"].get("share")
    figures = [
        ("median call", time_text(times["p50_us"])),
        ("90% are below", time_text(times["p90_us"])),
        ("99% are below", time_text(times["p99_us"])),
        ("calls a second", f"{times['calls_per_second']:,.0f}"),
        ("of a 60 Hz frame", f"{latency.frame_share(times['p50_us']) * 100:.2g}%"),
        ("to load", time_text(profile["load"]["load_us"])),
        ("file", bytes_text(memory["file"])),
        ("planned memory", bytes_text(memory["planned_total"])),
    ]
    if share is not None:
        figures.append(("delegated", f"{share:.0%}"))
    cells = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in figures)
    return f'<section class="figures">{cells}</section>'


def _verdict(broken: list[str], conditions: list[str]) -> str:
    if not conditions:
        return ""
    if broken:
        lines = "<br>".join(map(escape, broken))
        return f'<section class="verdict failed"><h2>Too slow or too large</h2><p>{lines}</p></section>'
    listed = escape(", ".join(conditions))
    return f'<section class="verdict"><h2>Within its limits</h2><p>None of these holds: {listed}</p></section>'


def _section(title: str, body: str) -> str:
    return f'<section><h2>{escape(title)}</h2><div class="scroll">{body}</div></section>' if body else ""


def _operators(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    longest = max(row["share"] for row in rows) or 1.0
    lines = []
    shown, rest = operators.divided(rows, MOST_ROWS)
    for row in shown:
        fill = plots.colour(row["backend"])
        bar = f'<span class="bar" style="width:{max(0.0, row["share"]) / longest * 62:.1f}%;background:{fill}"></span>'
        lines.append(
            f"<tr><td>{escape(row['name'])}</td>"
            f'<td><span class="backend" style="background:{fill}"></span>{escape(row["backend"])}</td>'
            f"<td>{row['calls']:g}</td><td>{time_text(row['total_us'])}</td><td>{time_text(row['self_us'])}</td>"
            f"<td>{time_text(row['mean_us'])}</td>"
            f'<td class="share">{bar}{row["share"]:.1%}</td></tr>'
        )
    if rest:
        lines.append(
            f"<tr><td>{rest['name']}</td><td></td><td></td><td></td><td>{time_text(rest['self_us'])}</td><td></td>"
            f'<td class="share">{rest["share"]:.1%}</td></tr>'
        )
    titles = ("operator", "backend", "calls", "total", "self", "mean", "share of the call")
    head = "<tr>" + "".join(f"<th>{title}</th>" for title in titles) + "</tr>"
    return f"<table>{head}{''.join(lines)}</table>"


def _memory(memory: dict[str, Any]) -> str:
    inside = [("weights", memory["constants"], "#0072b2")]
    inside.append(("rest of the file", memory["rest_of_file"], "#56b4e9"))
    for index, size in enumerate(memory["planned"]):
        inside.append((f"planned buffer {index}" if len(memory["planned"]) > 1 else "planned", size, "#e69f00"))
    resident = (
        f"The process grew by {bytes_text(memory['resident_after_load'])} when the program was loaded, and by "
        f"{bytes_text(memory['resident_after_calls'])} in all after the calls."
    )
    return plots.bar(inside) + f"<small>{resident}</small>"


def _machine(profile: dict[str, Any]) -> str:
    machine = profile["machine"]
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    text = (
        f"{machine['processor']}, {machine['threads']} of {machine['cores']} threads, {machine['system']}, "
        f"ExecuTorch {machine['executorch']}, Python {machine['python']}, {date}; with "
        f"{profile['given']}. Each call was made from Python, which adds a few microseconds to what a game measures."
    )
    return f"<p>{escape(text)}</p>"
