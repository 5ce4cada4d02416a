"""A profile as tables in a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from python_backend.profiling import operators
from python_backend.profiling.units import bytes_text, shape_text, time_text

MOST_ROWS = 30


def show(profile: dict[str, Any], console: Console) -> None:
    """Print the tables of a profile."""
    machine = profile["machine"]
    console.print(
        f"[bold]{profile['name']}[/bold] {profile['method']}({', '.join(map(shape_text, profile['inputs']))})"
    )
    threads = f"{machine['threads']} of {machine['cores']} threads"
    console.print(f"{machine['processor']}, {threads}, {profile['given']}\n", highlight=False)
    console.print(_latency(profile))
    load = profile["load"]
    times = time_text(load["load_us"]), time_text(load["first_call_us"])
    console.print("Loading took {}, the first call {}.\n".format(*times), highlight=False)
    console.print(_operators(profile["operators"]))
    console.print(_memory(profile["memory"]))
    console.print(reconciliation_text(profile), highlight=False)


def reconciliation_text(profile: dict[str, Any]) -> str:
    """One sentence on how traced calls relate to untraced ones; the dock's line above its operators."""
    found = profile["reconciliation"]
    if not found:
        return ""
    return (
        f"Untraced {time_text(found['untraced_us'])}, traced {time_text(found['traced_us'])} "
        f"({found['overhead']:+.1%}), in operators {time_text(found['parts_us'])} ({found['covered']:.1%}): each the "
        f"shortest of {profile['trace']['count']} calls that took turns; the first two with Python's part. The table "
        "is the mean of the quieter half of the traced calls."
    )


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    table.pad_edge, table.collapse_padding = False, True
    return table


def _latency(profile: dict[str, Any]) -> Table:
    table = _table("Latency")
    latency = profile["latency"]
    columns = {name: latency[f"{name}_us"] for name in ("p50", "p90", "p99", "mean", "min", "max")}
    for name in (*columns, "calls", "calls/s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*map(time_text, columns.values()), str(latency["count"]), f"{latency['calls_per_second']:,.0f}")
    return table


def _operators(rows: list[dict[str, Any]]) -> Table:
    table = _table("Operators (for one call)")
    table.add_column("operator", overflow="fold")
    table.add_column("backend")
    for name in ("calls", "total", "self", "mean", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    shown, rest = operators.divided(rows, MOST_ROWS)
    for row in shown:
        times = (time_text(row[column]) for column in ("total_us", "self_us", "mean_us"))
        table.add_row(row["name"], row["backend"], f"{row['calls']:g}", *times, f"{row['share']:.1%}")
    if rest:
        table.add_row(rest["name"], "", "", "", time_text(rest["self_us"]), "", f"{rest['share']:.1%}")
    return table


def _memory(memory: dict[str, Any]) -> Table:
    table = _table("Memory")
    columns = {
        "file": memory["file"],
        "of it weights": memory["constants"],
        "of it delegates": memory["delegates"],
        "planned": memory["planned_total"],
        "process after load": memory["resident_after_load"],
        "after the calls": memory["resident_after_calls"],
    }
    for name in columns:
        table.add_column(name, justify="right")
    table.add_row(*map(bytes_text, columns.values()))
    return table
