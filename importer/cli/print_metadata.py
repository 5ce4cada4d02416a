"""Metadata as text for people."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from importer.cli.output import console, table
from importer.program.delegation import share_text
from importer.signature import TensorSpec


def print_metadata(found: dict[str, Any]) -> None:
    """The output of `inspect` without --json."""
    screen = console()
    size, weights = found["payload"]["size"], found["constant_bytes"]
    words = [f"[bold]{escape(found['name'])}[/bold]  {size:,} bytes, of them {weights:,} weights"]
    words += [f"{item['size']:,} bytes in {escape(item['file'])}" for item in found["payload"].get("external", [])]
    screen.print("; ".join(words), highlight=False)
    for method in found["methods"]:
        delegation = method["delegation"]
        share = f"{share_text(delegation)} of {delegation['total']} operator calls delegated"
        if delegation.get("opaque"):
            share = "the delegated share is unknown"
        screen.print(f"\nmethod [bold]{escape(method['name'])}[/bold]: {share}", highlight=False)
        for what in ("inputs", "outputs"):
            for item in method[what]:
                shape = ",".join(map(str, item["shape"]))
                upper = f"{item['name']}: {item['dtype']}[{shape}] (upper bounds)"
                text = upper if item.get("dynamic") else str(TensorSpec.of(item))
                screen.print(f"  {what[:-1]:6} {text}", highlight=False, markup=False)
        screen.print(f"  planned memory {sum(method['planned_memory']):,} bytes", highlight=False)
        shown = table("", "runs on", "operator", "calls", words=2)
        for delegate in method["delegates"]:
            for name, count in delegate["operators"].items() or [("(not readable)", delegate["calls"])]:
                shown.add_row(escape(delegate["backend"]), escape(name), str(count))
        for name, count in method["operators"].items():
            shown.add_row("kernels", escape(name), str(count))
        screen.print(shown)
    for name, value in found.get("constants", {}).items():
        screen.print(f"constant {name} = {value}", highlight=False, markup=False)
