"""Metadata as text for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_metadata(found: dict[str, Any]) -> None:
    """What `inspect` shows without --json."""
    console = Console()
    size, weights = found["payload"]["size"], found["constant_bytes"]
    console.print(f"[bold]{escape(found['name'])}[/bold]  {size:,} bytes, of them {weights:,} weights", highlight=False)
    for method in found["methods"]:
        delegation = method["delegation"]
        share = f"{delegation['share']:.0%} of {delegation['total']} operator calls delegated"
        console.print(f"\nmethod [bold]{escape(method['name'])}[/bold]: {share}", highlight=False)
        for what in ("inputs", "outputs"):
            for item in method[what]:
                shape = ",".join(map(str, item["shape"]))
                suffix = " (upper bounds)" if item.get("dynamic") else ""
                console.print(
                    f"  {what[:-1]:6} {escape(item['name'])}: {item['dtype']}\\[{shape}]{suffix}", highlight=False
                )
        console.print(f"  planned memory {sum(method['planned_memory']):,} bytes", highlight=False)
        table = Table("runs on", "operator", "calls", box=None, padding=(0, 2))
        for delegate in method["delegates"]:
            for name, count in delegate["operators"].items() or [("(not readable)", delegate["calls"])]:
                table.add_row(escape(delegate["backend"]), escape(name), str(count))
        for name, count in method["operators"].items():
            table.add_row("kernels", escape(name), str(count))
        console.print(table)
    for name, value in found.get("constants", {}).items():
        console.print(f"constant {name} = {value}", highlight=False, markup=False)
