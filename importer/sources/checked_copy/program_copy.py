"""A copy of an archive for torch to open: canonical, and with nothing in it that was not checked. Imports torch."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.sources.archive_check import (
    MOST_TEXT_BYTES,
    PAYLOADS,
    PROGRAM,
    check_archive,
    pickled_members,
    tensor_file,
)
from importer.sources.checked_copy import script_code
from importer.sources.checked_copy.program_json import Refused, Undeclared, rewrite_payloads, rewrite_program
from importer.sources.checked_copy.wrapped_weights import take_apart, wrapped_weights
from importer.sources.zip_archive import ZipArchive, open_archive, write_copy

_MARKS = re.compile(r"archive_format|archive_version|byteorder|version|\.data/version|\.data/serialization_id")
_SCRIPT = re.compile(r"(data|constants)\.pkl|(data|constants)/[^/]+|code/.+\.py|version|byteorder|\.data/[a-z_]+")
_MOST_MARK_BYTES = 1000


@contextmanager
def copy_of_program(path: Path, folder: Path) -> Iterator[Path]:
    """The copy of an exported program, in `folder` while the context lasts.

    Raises ARCHIVE_RUNS_CODE, EXPORTED_PROGRAM_REFUSED, OPERATOR_UNDECLARED, ARCHIVE_INVALID and FILE_DAMAGED.
    """
    check_archive(path)
    with open_archive(path) as archive:
        try:
            changed = _of_program(archive)
        except Refused as error:
            cause = f"{path.name} is not what torch.export writes: {error}."
            remedy = "Save it again with torch.export.save; a file that was changed by hand may try to run code."
            raise ImporterError("EXPORTED_PROGRAM_REFUSED", cause, remedy, "load") from error
        except Undeclared as error:
            cause = f"{path.name} calls {error}, an operator that torch does not have here."
            remedy = (
                "Name a Python file in the option 'factory' that declares it with torch.library, or that imports the "
                "package that does."
            )
            raise ImporterError("OPERATOR_UNDECLARED", cause, remedy, "load") from error
        with _written(archive, changed, folder, ".pt2") as copy:
            check_archive(copy, path.name, is_copy=True)  # the file may have changed since it was checked
            yield copy


@contextmanager
def copy_of_script(path: Path, folder: Path) -> Iterator[Path]:
    """The copy of a TorchScript archive, in `folder` while the context lasts. Raises ARCHIVE_RUNS_CODE too."""
    with open_archive(path) as archive:
        left_out = [name for name in archive.members if not _SCRIPT.fullmatch(name.removeprefix(archive.root))]
        with _written(archive, dict.fromkeys(left_out), folder, ".pt") as copy:
            with open_archive(copy, path.name) as copied:
                script_code.check(copied)
            yield copy


def _of_program(archive: ZipArchive) -> dict[str, bytes | None]:
    parsed = {name: _parsed(archive, name) for name in archive.members if _is_description(archive, name)}
    made, taken = _taken_apart(archive, parsed)
    changed: dict[str, bytes | None] = {**made}
    raw: set[str] = set()
    for name in archive.members:
        short = name.removeprefix(archive.root)
        if PROGRAM.fullmatch(short):
            changed[name] = rewrite_program(parsed[name])
        elif match := PAYLOADS.fullmatch(short):
            changed[name], listed = rewrite_payloads(parsed[name])
            for title, entry in listed.items():
                member = f"{archive.root}{match.group(1)}{entry['path_name']}"
                if member in made:
                    continue
                _check_size(archive, member, title, entry)
                if not entry["use_pickle"]:
                    raw.add(member)
        elif _MARKS.fullmatch(short):
            archive.read(name, _MOST_MARK_BYTES)
    pickled = {*pickled_members(archive)} - taken
    for name in archive.members:
        if name in changed or name in raw or _MARKS.fullmatch(name.removeprefix(archive.root)):
            continue
        changed[name] = None
        if name in pickled:
            _keep_pickled(archive, name, changed)
    return changed


def _is_description(archive: ZipArchive, name: str) -> bool:
    short = name.removeprefix(archive.root)
    return PROGRAM.fullmatch(short) is not None or PAYLOADS.fullmatch(short) is not None


def _taken_apart(archive: ZipArchive, parsed: dict[str, Any]) -> tuple[dict[str, bytes], set[str]]:
    """Takes the weights apart that are made of other tensors, in the parsed descriptions. Returns the new members, and
    the names of those that they take the place of."""
    made: dict[str, bytes] = {}
    taken: set[str] = set()
    for name, configuration in parsed.items():
        match = PAYLOADS.fullmatch(name.removeprefix(archive.root))
        program = parsed.get(f"{archive.root}models/{match.group(2)}.json") if match else None
        if match is None or program is None:
            continue
        folder = f"{archive.root}{match.group(1)}"
        if weights := wrapped_weights(archive, folder, configuration):
            taken |= {f"{folder}{configuration['config'][weight]['path_name']}" for weight in weights}
            for path, data in take_apart(program, configuration, weights).items():
                if f"{folder}{path}" in {*archive.members, *made}:
                    raise Refused(f"it has a member {folder}{path}"[:200])
                made[f"{folder}{path}"] = data
    return made, taken


def _parsed(archive: ZipArchive, name: str) -> Any:
    try:
        return json.loads(archive.read(name, MOST_TEXT_BYTES))
    except (ValueError, RecursionError) as error:
        raise archive.damaged(f"its member {name[:200]} is not JSON ({str(error)[:200]})") from error


def _keep_pickled(archive: ZipArchive, name: str, changed: dict[str, bytes | None]) -> None:
    if archive.members[name].size == 0 or (
        tensor_file(archive, name).is_plain and not archive.members[name].compressed
    ):
        del changed[name]  # every reader reads it alike
    else:
        copy = io.BytesIO()
        write_copy(tensor_file(archive, name), copy, {})
        changed[name] = copy.getvalue()


def _check_size(archive: ZipArchive, member: str, title: str, entry: dict[str, object]) -> None:
    if member not in archive.members:
        raise Refused(f"the bytes of '{title[:200]}' are missing")
    meta = entry["tensor_meta"]
    if isinstance(meta, dict) and not archive.members[member].size:
        sizes = [size.get("as_int") for size in meta["sizes"]]
        if 0 not in sizes:  # torch makes one of zeros, however large
            raise Refused(f"'{title[:200]}' has the sizes {sizes[:8]} but no bytes")


@contextmanager
def _written(archive: ZipArchive, changed: dict[str, bytes | None], folder: Path, suffix: str) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix="checked.", suffix=suffix, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            write_copy(archive, file, changed)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
