"""The files of a model in several: by their usual names, or by an index beside them. The addon finds the same ones:
shards.gd. Standard library only."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.listing import files_in
from importer.plain_files import open_plain

_SHARD = re.compile(r"(.*)-([0-9]{5})-of-([0-9]{5})(\.[A-Za-z0-9]+)")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
_INDEX = ".index.json"
_MOST_INDEXES = 100
_MOST_INDEX_BYTES = 16 << 20
_MOST_SHARDS = 1000


@dataclass(frozen=True)
class Shards:
    """The files of the model that a file is a part of, by name, and the index that names them if there is one."""

    names: tuple[str, ...]
    index: Path | None = None


def shards_of(source: Path) -> Shards | None:
    """All parts of the model that this file is one of; None for a whole model. Usual names come before an index.

    Raises SHARD_INDEX_INVALID for an index that names this file and cannot be followed.
    """
    if named := _SHARD.fullmatch(source.name):
        stem, _, count, suffix = named.groups()
        names = tuple(f"{stem}-{number:05d}-of-{count}{suffix}" for number in range(1, int(count) + 1))
        return Shards(names) if source.name in names else None
    if source.suffix.lower() not in _WEIGHTS:
        return None
    beside = [path for path in files_in(source.parent) if path.name.endswith(_INDEX)]
    for index in beside[:_MOST_INDEXES]:
        if is_beside(index, source) and (names := _names_in(index, source)):
            return Shards(names, index)
    return None


def shard_files(source: Path) -> list[Path]:
    """The files beside a part of a model that are read with it: the other parts that are there, and their index."""
    shards = shards_of(source)
    if shards is None:
        return []
    others = (source.with_name(name) for name in shards.names if name != source.name)
    return [*(path for path in others if is_beside(path, source)), *([shards.index] if shards.index else [])]


def is_beside(path: Path, source: Path) -> bool:
    """Whether a file lies beside the source, links resolved: a link must not bring in a file from another folder. In
    a folder of links, such as a hub's cache, the files that they lead to lie beside each other."""
    try:
        if path.is_symlink():
            folders = (source.parent.resolve(), source.resolve().parent)
            return path.is_file() and path.resolve().parent in folders
        return path.is_file()
    except (OSError, RuntimeError):  # a link to itself
        return False


def _names_in(index: Path, source: Path) -> tuple[str, ...]:
    """The files that an index names when the source is among them."""
    try:
        with open_plain(index) as file:
            data = file.read(_MOST_INDEX_BYTES + 1)
    except OSError:
        return ()
    try:
        if len(data) > _MOST_INDEX_BYTES:
            raise ValueError(f"has more than {_MOST_INDEX_BYTES >> 20} MB")
        # Numbers of a million digits take long as integers.
        found: Any = json.loads(data.decode(), parse_int=float)
    except (ValueError, RecursionError) as error:
        if json.dumps(source.name).encode() in data:
            what = str(error) if len(data) > _MOST_INDEX_BYTES else "is not JSON"
            raise _refused(index, source, what) from error
        return ()
    places = found.get("weight_map") if isinstance(found, dict) else None
    values = list(places.values()) if isinstance(places, dict) else []
    if source.name not in values:
        return ()
    names = sorted({value if isinstance(value, str) else json.dumps(value) for value in values})
    if len(names) > _MOST_SHARDS:
        raise _refused(index, source, f"names {len(names)} files; a model has at most {_MOST_SHARDS}")
    for name in names:
        if not _is_part(name, source):
            raise _refused(index, source, f"names {name[:80]!a}, which is not a {source.suffix} file beside it")
        path = source.with_name(name)
        if path.is_symlink() and not is_beside(path, source):
            raise _refused(index, source, f"names {name}, which is a link to a place outside of the folder")
    return tuple(names)


def _is_part(name: str, source: Path) -> bool:
    is_plain = name.isprintable() and not name.startswith(".") and not any(sign in name for sign in '/\\:*?"<>|')
    return is_plain and len(name.encode()) <= 255 and Path(name).suffix == source.suffix


def _refused(index: Path, source: Path, what: str) -> ImporterError:
    cause = f"{source.name} is one of several files of a model, but their index {index.name} {what}."
    remedy = f"Download {index.name} again, with the files that it names, into the same folder."
    return ImporterError("SHARD_INDEX_INVALID", cause, remedy, "read")
