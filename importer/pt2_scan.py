"""Looks for code in a `torch.export` archive before torch opens it: `torch.export.load` runs pickles that are inside.

Every member is either known to be read as plain bytes or text, or it must be a pickle that only rebuilds tensors.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from importer import pickles
from importer.errors import ImporterError
from importer.sniff import LEGACY_MAGIC, MOST_PICKLE_BYTES, member_names, read_member

_PLAIN = re.compile(
    r"(archive_format|archive_version|byteorder|version|module_info\.json|\.data/(version|serialization_id)"
    r"|models/[^/]+\.json|data/(weights|constants)/[^/]+_config\.json|extra/.*|serialized_exported_program\.json"
    r"|\.format_version|\.storage_alignment)"
)


def check_archive(path: Path, go_on: Callable[[], bool] = lambda: True) -> None:
    """Raises ARCHIVE_RUNS_CODE when loading the archive would run more than the rebuilding of tensors.

    `go_on` is asked before each member: when it says no, the rest is not looked at.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = member_names(archive, path)
            prefix = _prefix(names)
            raw = _raw_tensors(archive, names, prefix, go_on)
            steps = 0  # of all members: a small file can have many, each of them as long as is allowed
            for name in names:
                if not go_on():
                    return
                short = name.removeprefix(prefix)
                if name in raw or _PLAIN.fullmatch(short) or name.endswith("/"):
                    continue
                if (
                    re.match(r"data/constants/(custom|opaque)_obj", short)
                    or "aotinductor" in short
                    or short.endswith(".so")
                ):
                    raise _runs_code(path, name, ["an object with code of its own"])
                found, more = _globals(read_member(archive, name), path, pickles.MOST_STEPS - steps, go_on)
                steps += more
                if found:
                    raise _runs_code(path, name, found)
    except (ImporterError, MemoryError):
        raise
    except Exception as error:  # zipfile raises many kinds for broken bytes, as does a configuration of another form
        cause = f"{path.name} is a damaged archive ({error})."
        raise ImporterError("FILE_DAMAGED", cause, "Save or download the file again.", "read") from error


def _prefix(names: list[str]) -> str:
    # What torch takes as the archive's root; every member shares it.
    root = names[0].partition("/")[0] + "/" if names and "/" in names[0] else ""
    return root if all(name.startswith(root) for name in names) else ""


def _raw_tensors(archive: zipfile.ZipFile, names: list[str], prefix: str, go_on: Callable[[], bool]) -> set[str]:
    """Members that torch reads as plain bytes: those that a configuration lists, and none lists as pickled."""
    raw: set[str] = set()
    pickled: set[str] = set()
    for name in names:
        match = re.fullmatch(r"(data/(?:weights|constants)/)[^/]+_config\.json", name.removeprefix(prefix))
        if match and go_on():
            entries = json.loads(read_member(archive, name, 64 << 20)).get("config", {})
            for entry in entries.values():
                member = prefix + match.group(1) + str(entry.get("path_name"))
                (raw if entry.get("use_pickle") is False else pickled).add(member)
    return raw - pickled


def _globals(data: bytes, path: Path, most_steps: int, go_on: Callable[[], bool]) -> tuple[list[str], int]:
    """What a nested file of torch.save names beyond tensors, and the steps of its pickles."""
    beyond: list[str] = []
    steps = 0
    try:
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as inner:
                inside = member_names(inner, path)
                found = [item for item in inside if item.endswith(".pkl")]
                if any("/code/" in item for item in inside) or not found:
                    return ["a nested archive that is no tensor file"], steps
                for member in found:
                    if not go_on():
                        break
                    scanned = pickles.scan(read_member(inner, member), 0, most_steps - steps)
                    beyond += scanned.beyond_tensors
                    steps += scanned.steps
                return beyond, steps
        if len(data) > MOST_PICKLE_BYTES:
            raise pickles.Unreadable("too large")
        position = 0
        # The old format is several pickles one after the other, followed by raw storages.
        count = 4 if data[2:14] == LEGACY_MAGIC else 1
        for _ in range(count):
            scanned = pickles.scan(data, position, most_steps - steps)
            beyond += scanned.beyond_tensors
            steps += scanned.steps
            position = scanned.end
        return beyond, steps
    except (pickles.Unreadable, zipfile.BadZipFile) as error:
        return [f"bytes that cannot be checked ({error})"], steps


def _runs_code(path: Path, member: str, found: list[str]) -> ImporterError:
    cause = (
        f"{path.name} would run code when it is loaded: its member {member} names {', '.join(sorted(set(found))[:8])}."
    )
    remedy = (
        "Save the program again with torch.export.save, without custom objects; use files from people you trust only."
    )
    return ImporterError("ARCHIVE_RUNS_CODE", cause, remedy, "read")
