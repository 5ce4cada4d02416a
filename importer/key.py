"""The cache key. The editor's GDScript makes the same one (docs/architecture.md, "Key")."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from importer.errors import ImporterError
from importer.imports import imported_files
from importer.options import ImportOptions, split_factory
from importer.paths import resolve
from importer.version import IMPORTER_VERSION

EXTERNAL_SUFFIX = ".ptd"


def hash_file(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def make_key(
    source: Path, options: ImportOptions, project: Path | None, hashing: Callable[[Path], str] = hash_file
) -> str:
    """sha256 (hex) of the source, the changed options, the importer's version and every file the result depends on.

    hashing: known_hashes.known_hash does not read large files again.
    """
    return make_key_from(_hashed(source, hashing), options, dependencies(source, options, project), hashing)


def make_key_from(
    source_sha256: str, options: ImportOptions, files: dict[str, Path], hashing: Callable[[Path], str] = hash_file
) -> str:
    """The key of a source whose hash is known."""
    text = json.dumps(options.changed(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    lines = ["executorch-import", IMPORTER_VERSION, source_sha256, text]
    lines += sorted(f"{name}={_hashed(path, hashing)}" for name, path in files.items())
    # Names of files need not be UTF-8.
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def _hashed(path: Path, hashing: Callable[[Path], str]) -> str:
    try:
        return hashing(path)
    except OSError as error:
        cause = f"{path} cannot be read: {error.strerror or error}."
        raise ImporterError(
            "FILE_NOT_READABLE", cause, "Check that the file exists and may be read.", "read"
        ) from error


def dependencies(source: Path, options: ImportOptions, project: Path | None) -> dict[str, Path]:
    """Name -> file, for the key's last lines.

    `factory`: the factory's file. `module/<path>`: the project's modules that it may import (importer/imports.py), from
    its folder. `calibration/<path inside the folder>`: every file of the calibration folder, names
    that begin with a dot left out. `external/<file name>`: `.ptd` files beside a `.pte` that begin with its stem.
    """
    files: dict[str, Path] = {}
    if options.factory.strip():
        files["factory"] = resolve(split_factory(options.factory)[0], project, "factory")
        if files["factory"].is_file():
            files |= {f"module/{name}": path for name, path in imported_files(files["factory"]).items()}
    if options.calibration.strip():
        folder = resolve(options.calibration.strip(), project, "calibration")
        files |= {f"calibration/{name}": path for name, path in calibration_files(folder).items()}
    for path in external_files(source):
        files[f"external/{path.name}"] = path
    return files


def calibration_files(folder: Path) -> dict[str, Path]:
    """Path inside of a calibration folder -> file; names that begin with a dot (also macOS's `._x.png`) left out."""
    if not folder.is_dir():
        return {folder.name: folder}
    names = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        name.as_posix(): path for name, path in names.items() if not any(part.startswith(".") for part in name.parts)
    }


def external_files(source: Path) -> list[Path]:
    """The `.ptd` files that belong to a `.pte`: beside it, with a name that begins with its stem."""
    if source.suffix.lower() != ".pte":
        return []
    beside = (path for path in source.parent.glob("*") if path.suffix.lower() == EXTERNAL_SUFFIX)
    return sorted(path for path in beside if path.name.startswith(source.stem) and path.is_file())


def external_file(source: Path) -> Path | None:
    """The `.ptd` that a `.pte` is run with: the one of its own name before one such as `net-large.ptd`."""
    files = external_files(source)
    return min(files, key=lambda path: (path.stem != source.stem, path.name), default=None)
