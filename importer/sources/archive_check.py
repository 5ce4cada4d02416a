"""Looks for code in a `torch.export` archive before torch opens it: `torch.export.load` runs pickles that are inside.

Says which members torch needs, and refuses pickles that do more than rebuild tensors. No torch.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from importer.errors import ImporterError
from importer.sources import pickle_reader
from importer.sources.wrapped_tensors import beyond_one, names_one
from importer.sources.zip_archive import ZipArchive, open_archive

PROGRAM = re.compile(r"models/[^/]+\.json|serialized_exported_program\.json")
PAYLOADS = re.compile(r"(data/(?:weights|constants)/)([^/]+)_(?:weights|constants)_config\.json")
_PICKLED = re.compile(r"data/sample_inputs/[^/]+\.pt|data/(?:weights|constants)/[^/]+\.pt|serialized_[a-z_]+\.pt")
_CODE = re.compile(r"data/constants/(custom|opaque)_obj.*|.*aotinductor.*|.*\.so")
# The members of a nested file of torch.save beside its pickle.
_TENSOR_FILE = re.compile(r"data/[^/]+|version|byteorder|\.data/[a-z_]+|\.format_version|\.storage_alignment")
MOST_TEXT_BYTES = 256 << 20
_MOST_CONFIGURATION_BYTES = 16 << 20
_MOST_PACKED_BYTES = 256 << 20


def check_archive(path: Path, title: str = "", is_copy: bool = False) -> None:
    """Raises ARCHIVE_RUNS_CODE when loading the archive would run more than the rebuilding of tensors.

    title: how messages name the file. is_copy: torch opens it as it is. Otherwise it opens a copy in which weights that
    are made of other tensors are taken apart (checked_copy/wrapped_weights.py), so their pickles may name torchao.
    """
    with open_archive(path, title) as archive:
        steps = pickle_reader.most_steps(path.stat().st_size)
        for name in archive.members:
            if _CODE.fullmatch(name.removeprefix(archive.root)):
                raise _runs_code(archive, name, ["an object with code of its own"])
        weights = _listed_as_pickled(archive)
        for name in pickled_members(archive):
            if archive.members[name].size:
                steps -= _check_pickle(archive, name, steps, is_copy or name not in weights)


def pickled_members(archive: ZipArchive) -> list[str]:
    """The members that torch unpickles: sample inputs, and tensors that a configuration lists as pickled."""
    found = [name for name in archive.members if _PICKLED.fullmatch(name.removeprefix(archive.root))]
    return list(dict.fromkeys([*found, *_listed_as_pickled(archive)]))


def _listed_as_pickled(archive: ZipArchive) -> list[str]:
    found = []
    for name in archive.members:
        match = PAYLOADS.fullmatch(name.removeprefix(archive.root))
        if match:
            for entry in _configuration(archive, name):
                member = f"{archive.root}{match.group(1)}{entry.get('path_name')}"
                if entry.get("use_pickle") is not False and member in archive.members:
                    found.append(member)
    return found


def tensor_file(archive: ZipArchive, name: str) -> ZipArchive:
    """A nested file of torch.save. Raises ARCHIVE_RUNS_CODE for another kind, such as the format before torch 1.6."""
    try:
        inner = archive.inner(name, _MOST_PACKED_BYTES)
    except ImporterError as error:
        raise _runs_code(archive, name, [f"bytes that cannot be checked ({error.cause})"]) from error
    root = inner.root
    others = [item for item in inner.members if not _TENSOR_FILE.fullmatch(item.removeprefix(root))]
    if others != [f"{root}data.pkl"]:
        raise _runs_code(archive, name, ["a nested archive that is not a tensor file"])
    return inner


def _configuration(archive: ZipArchive, name: str) -> list[dict[str, object]]:
    try:
        return list(json.loads(archive.read(name, _MOST_CONFIGURATION_BYTES))["config"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise archive.damaged(f"its member {name[:200]} cannot be read ({type(error).__name__})") from error


def _check_pickle(archive: ZipArchive, name: str, steps: int, runs: bool) -> int:
    """runs: torch runs it, if it is let through. Raises ARCHIVE_RUNS_CODE; returns how many steps the pickle has."""
    inner = tensor_file(archive, name)
    try:
        data = inner.read(f"{inner.root}data.pkl", pickle_reader.MOST_PICKLE_BYTES)
        scanned = pickle_reader.scan(data, 0, steps)
    except pickle_reader.Unreadable as error:
        raise _runs_code(archive, name, [f"bytes that cannot be checked ({error})"]) from error
    if beyond := scanned.beyond_tensors if runs else beyond_one(scanned):
        raise _runs_code(archive, name, beyond, names_one(scanned))
    return scanned.steps


def _runs_code(archive: ZipArchive, member: str, found: list[str], is_wrapped: bool = False) -> ImporterError:
    names = ", ".join(sorted(set(found))[:8])
    cause = f"{archive.title} would run code when it is loaded: its member {member[:200]} names {names[:1000]}."
    what = "without custom objects"
    if is_wrapped:
        what = "after torchao.utils.unwrap_tensor_subclass(model), which makes plain tensors of its weights"
    remedy = f"Export and save the program again with torch.export.save, {what}; use files from people you trust only."
    return ImporterError("ARCHIVE_RUNS_CODE", cause, remedy, "read")
