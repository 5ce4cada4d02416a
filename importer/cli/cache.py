"""`python -m importer cache list|prune|verify` and `python -m importer cache key list|new|add|remove`."""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
import time
from dataclasses import asdict

from rich.markup import escape

from importer.cache.cache import Cache, Entry
from importer.cache.signing_keys import add_key, key_file, known_keys, remove_key
from importer.cache.user_folders import user_cache_folder
from importer.cli.output import console, print_json, table


def run(chosen: argparse.Namespace) -> int:
    """verify returns 3 when an entry is refused."""
    cache = Cache(chosen.cache or user_cache_folder() / "artifacts")
    if chosen.action == "verify":
        problems = cache.verify()
        if chosen.json:
            print_json("cache-verify", {"refused": [{"key": key, "problem": problem} for key, problem in problems]})
        else:
            for key, problem in problems:
                print(f"{key}: {problem}")
            print(f"{len(cache.entries())} entries, {len(problems)} refused")
        return 3 if problems else 0
    entries = cache.prune(chosen.limit_megabytes << 20) if chosen.action == "prune" else cache.entries()
    if chosen.json:
        print_json("cache-list", {"entries": [{**asdict(entry), "folder": str(entry.folder)} for entry in entries]})
    else:
        _print(entries, "Removed" if chosen.action == "prune" else str(cache.root))
    return 0


def list_keys(_: argparse.Namespace) -> int:
    """Names and ids; secrets are never shown again."""
    shown = table(str(key_file()), "name", "id", words=2)
    for key in known_keys():
        shown.add_row(escape(key.name), key.id)
    console().print(shown)
    return 0


def new_key(chosen: argparse.Namespace) -> int:
    """The secret alone goes to stdout, so that it can be piped into a password store."""
    secret = secrets.token_hex(32)
    key = add_key(chosen.name, secret)
    print(f"'{key.name}' ({key.id}) is in {key_file()}. Its secret, for CI and for the team:", file=sys.stderr)
    print(secret)
    return 0


def add_known_key(chosen: argparse.Namespace) -> int:
    """The secret comes from the terminal without an echo, or from stdin: a shell keeps a history of arguments."""
    text = getpass.getpass(f"Secret of '{chosen.name}': ") if sys.stdin.isatty() else sys.stdin.readline()
    key = add_key(chosen.name, text)
    print(f"'{key.name}' ({key.id}) is in {key_file()}.", file=sys.stderr)
    return 0


def remove_known_key(chosen: argparse.Namespace) -> int:
    remove_key(chosen.name)
    return 0


def _print(entries: list[Entry], title: str) -> None:
    shown = table(title, "key", "name", "recipe", "size", "last used", words=3)
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        shown.add_row(entry.key[:12], escape(entry.name), escape(entry.recipe), f"{entry.size / 1e6:.2f} MB", used)
    shown.add_section()
    shown.add_row("", f"{len(entries)} entries", "", f"{sum(entry.size for entry in entries) / 1e6:.2f} MB", "")
    console().print(shown)
