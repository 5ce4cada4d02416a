"""The cache key. The editor's GDScript makes the same one (docs/architecture.md, "Key")."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from importer.options import ImportOptions, split_factory
from importer.paths import resolve
from importer.version import IMPORTER_VERSION

EXTERNAL_SUFFIX = ".ptd"


def make_key(source: Path, options: ImportOptions, project: Path | None) -> str:
    """sha256 (hex) of the source, the changed options, the importer's version and every file the result depends on."""
    return make_key_from(hash_file(source), options, dependencies(source, options, project))


def make_key_from(source_sha256: str, options: ImportOptions, files: dict[str, Path]) -> str:
    """The key of a source whose hash is known."""
    text = json.dumps(options.changed(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    lines = ["executorch-import", IMPORTER_VERSION, source_sha256, text]
    lines += sorted(f"{name}={hash_file(path)}" for name, path in files.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def dependencies(source: Path, options: ImportOptions, project: Path | None) -> dict[str, Path]:
    """Name -> file, for the key's last lines.

    `factory`: the factory's file. `calibration/<path inside the folder>`: every file of the calibration folder, names
    that begin with a dot left out. `external/<file name>`: `.ptd` files beside a `.pte` that begin with its stem.
    """
    files: dict[str, Path] = {}
    if options.factory.strip():
        files["factory"] = resolve(split_factory(options.factory)[0], project, "factory")
    if options.calibration.strip():
        folder = resolve(options.calibration.strip(), project, "calibration")
        inside = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else [folder]
        for path in inside:
            relative = path.relative_to(folder if folder.is_dir() else folder.parent)
            if not any(part.startswith(".") for part in relative.parts):
                files[f"calibration/{relative.as_posix()}"] = path
    for path in external_files(source):
        files[f"external/{path.name}"] = path
    return files


def external_files(source: Path) -> list[Path]:
    """The `.ptd` files that belong to a `.pte`: beside it, with a name that begins with its stem."""
    if source.suffix != ".pte":
        return []
    beside = source.parent.glob("*" + EXTERNAL_SUFFIX)
    return sorted(path for path in beside if path.name.startswith(source.stem) and path.is_file())


def hash_file(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
