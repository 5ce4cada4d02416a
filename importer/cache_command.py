"""`python -m importer cache list|prune|verify`."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from importer.cache import Cache, Entry, user_cache_folder


def run(chosen: argparse.Namespace) -> int:
    """verify returns 1 when an entry is damaged."""
    cache = Cache(chosen.cache or user_cache_folder() / "artifacts")
    if chosen.action == "verify":
        problems = cache.verify()
        if chosen.json:
            print(json.dumps([{"key": key, "problem": problem} for key, problem in problems]))
        else:
            for key, problem in problems:
                print(f"{key}: {problem}")
            print(f"{len(cache.entries())} entries, {len(problems)} damaged")
        return 1 if problems else 0
    entries = cache.prune(chosen.limit_megabytes << 20) if chosen.action == "prune" else cache.entries()
    if chosen.json:
        print(json.dumps([asdict(entry) for entry in entries]))
    else:
        _print(entries, "Removed" if chosen.action == "prune" else escape(str(cache.root)))
    return 0


def _print(entries: list[Entry], title: str) -> None:
    table = Table("key", "name", "recipe", "size", "last used", title=title, title_justify="left")
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        table.add_row(entry.key[:12], escape(entry.name), entry.recipe, f"{entry.size / 1e6:.2f} MB", used)
    table.add_section()
    table.add_row("", f"{len(entries)} entries", "", f"{sum(entry.size for entry in entries) / 1e6:.2f} MB", "")
    Console().print(table)
