"""What the GDScript linters do not find: constants that preload a script and are never used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_PRELOAD = re.compile(r"^(?:static )?const (\w+)(?::\s*\w+)?\s*:?=\s*preload\(", re.MULTILINE)
_BASE = re.compile(r'^extends "([^"]+)"', re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


def unused_preloads(files: Iterable[Path]) -> list[str]:
    """`FILE: NAME` of each preloaded constant that neither its file nor a script that extends it mentions again.

    A constant that another script reaches through a class (`Class.NAME`) counts as used.
    """
    sources = {path.resolve(): path.read_text(encoding="utf-8") for path in files}
    everything = "\n".join(sources.values())
    found = []
    for path, text in sorted(sources.items()):
        for name in _PRELOAD.findall(text):
            mentions = sum(len(_uses(part, name)) for part in _family(path, sources))
            if mentions < 2 and not re.search(rf"\w\.{name}\b", everything):
                found.append(f"{path}: {name}")
    return found


def _uses(text: str, name: str) -> list[str]:
    return re.findall(rf"\b{name}\b", _COMMENT.sub("", text))


def _family(path: Path, sources: Mapping[Path, str]) -> list[str]:
    """A script and those that extend it by its path."""
    family = [sources[path]]
    for other, text in sources.items():
        base = _BASE.search(text)
        if base and _is_at(path, base[1], other):
            family.append(text)
    return family


def _is_at(path: Path, named: str, other: Path) -> bool:
    """Whether another script names this one, by a path in the project or beside the other."""
    if named.startswith("res://"):
        return path.as_posix().endswith("/" + named.removeprefix("res://"))
    return (other.parent / named).resolve() == path
