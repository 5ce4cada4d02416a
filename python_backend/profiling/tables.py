"""A profile as tables in a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from python_backend.profiling.units import bytes_text, shape_text, time_text

MOST_ROWS = 30
LEAST_SHARE = 0.0005


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
    times = time_text(load["program_us"] + load["method_us"]), time_text(load["first_call_us"])
    console.print("Loading took {}, the first call {}.\n".format(*times), highlight=False)
    console.print(_operators(profile["operators"]))
    console.print(_memory(profile["memory"]))
    console.print(overhead_text(profile), highlight=False)


def divided(rows: list[dict[str, Any]], most: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that say something, at most so many, and the rest: XNNPACK's clock counts whole microseconds, so that
    many of its operators come out as nothing."""
    shown = [row for row in rows[:most] if row["share"] >= LEAST_SHARE] or rows[:1]
    return shown, rows[len(shown) :]


def overhead_text(profile: dict[str, Any]) -> str:
    """One sentence on how the traced calls relate to the wall clock."""
    traced, mean = profile["trace"]["mean_us"], profile["latency"]["p50_us"]
    return (
        f"The operators add up to {time_text(traced)}, the mean of {profile['trace']['count']} traced calls inside the "
        "runtime (without the fastest and the slowest quarter); the median of the untraced calls on the wall clock is "
        f"{time_text(mean)}, Python's part included."
    )


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _latency(profile: dict[str, Any]) -> Table:
    table = _table("Latency")
    latency = profile["latency"]
    columns = {name: latency[f"{name}_us"] for name in ("p50", "p90", "p99", "mean", "min", "max")}
    for name in (*columns, "calls", "calls/s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*map(time_text, columns.values()), str(latency["count"]), f"{latency['calls_per_second']:,.0f}")
    return table


def _operators(rows: list[dict[str, Any]]) -> Table:
    table = _table("Operators (per call)")
    table.add_column("operator", overflow="fold")
    table.add_column("backend")
    for name in ("calls", "total", "mean", "share"):
        table.add_column(name, justify="right")
    shown, rest = divided(rows, MOST_ROWS)
    for row in shown:
        times = (time_text(row["total_us"]), time_text(row["mean_us"]), f"{row['share']:.1%}")
        table.add_row(row["operator"], row["backend"], f"{row['calls']:g}", *times)
    if rest:
        total, share = sum(row["total_us"] for row in rest), sum(row["share"] for row in rest)
        table.add_row(f"{len(rest)} more", "", "", time_text(total), "", f"{share:.1%}")
    return table


def _memory(memory: dict[str, Any]) -> Table:
    table = _table("Memory")
    columns = {
        "file": memory["file"],
        "constants": memory["constants"],
        "delegates": memory["delegates"],
        "planned": sum(memory["planned"]),
        "after load": memory["resident_after_load"],
        "after the calls": memory["resident_after_calls"],
    }
    for name in columns:
        table.add_column(name, justify="right")
    table.add_row(*map(bytes_text, columns.values()))
    return table
