"""The cache key. The editor's GDScript makes the same one (docs/architecture.md, "Key")."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from importer.cache.factory_modules import imported_files, named_files
from importer.cache.shards import is_beside, shard_files
from importer.errors import ImporterError
from importer.kernels import library
from importer.listing import files_in
from importer.options import ImportOptions, metric_file, split_factory
from importer.paths import resolve
from importer.plain_files import MOST_FILE_BYTES, open_plain
from importer.task_card import card_file, files_beside
from importer.version import IMPORTER_VERSION

EXTERNAL_SUFFIX = ".ptd"
ONNX_DATA = re.compile(r"(\.onnx)?[._](data|bin|weights|pb)(_[0-9]+)?", re.IGNORECASE)
"""The rest of the name of a file with an ONNX file's tensors, after its stem; the addon has the same."""


def hash_file(path: Path) -> str:
    """sha256 (hex) of a plain file's bytes. Raises OSError, also for one that is larger than any model."""
    digest = hashlib.sha256()
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > MOST_FILE_BYTES:
            raise OSError(errno.EFBIG, "larger than any model", str(path))
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def make_key(
    source: Path, options: ImportOptions, project: Path | None, hashing: Callable[[Path], str] = hash_file
) -> str:
    """sha256 (hex) of the source, the changed options without the limits, the version, and every file that counts.

    hashing: known_hashes.known_hash does not read large files again.
    """
    files = dependencies(source, options, project)
    return make_key_from(hashed(source, hashing), options.keyed(project), files, hashing)


def make_key_from(
    source_sha256: str, options: ImportOptions, files: dict[str, Path], hashing: Callable[[Path], str] = hash_file
) -> str:
    """The key of a source whose hash is known."""
    text = json.dumps(options.decisive(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    lines = ["executorch-import", IMPORTER_VERSION, source_sha256, text]
    lines += sorted(f"{name}={hashed(path, hashing)}" for name, path in files.items())
    # Names of files need not be UTF-8.
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def hashed(path: Path, hashing: Callable[[Path], str] = hash_file) -> str:
    """sha256 (hex) of a file's bytes. Raises FILE_NOT_READABLE and FILE_TOO_LARGE."""
    try:
        return hashing(path)
    except OSError as error:
        if error.errno == errno.EFBIG:
            cause = f"{path} has more than {MOST_FILE_BYTES >> 30} GB."
            remedy = "Use a smaller file; one that is mostly holes was not made by a training."
            raise ImporterError("FILE_TOO_LARGE", cause, remedy, "read") from error
        cause = f"{path} cannot be read: {error.strerror or error}."
        raise ImporterError(
            "FILE_NOT_READABLE", cause, "Check that the file exists and may be read.", "read"
        ) from error


def dependencies(source: Path, options: ImportOptions, project: Path | None) -> dict[str, Path]:
    """Name -> file, for the key's last lines.

    `factory`: the factory's file. `module/<path>`: the project's modules that it may import
    (importer/cache/factory_modules.py), from its folder; `read/<path>`: the files that these name. `calibration/<path
    inside the folder>`: every file of the calibration folder, names that begin with a dot left out; `evaluation/<path>`
    likewise. `metric`: the file of a metric of the project. `external/<file name>`: what external_files finds beside
    the source. `shard/<file name>`: the other files of a model in several, and their index. `task`: the task card.
    `beside/<name>`: Hugging Face's files beside the source. `library/<number>`: the game's kernel libraries that exist.
    """
    files: dict[str, Path] = {}
    if options.factory.strip():
        files["factory"] = resolve(split_factory(options.factory)[0], project, "factory")
        if files["factory"].is_file():
            files |= {f"module/{name}": path for name, path in imported_files(files["factory"]).items()}
            files |= {f"read/{name}": path for name, path in named_files(files["factory"]).items()}
    if options.calibration.strip():
        folder = resolve(options.calibration.strip(), project, "calibration")
        files |= {f"calibration/{name}": path for name, path in calibration_files(folder).items()}
    if options.evaluate.strip():
        place = resolve(options.evaluate.strip(), project, "evaluate")
        files |= {f"evaluation/{name}": path for name, path in calibration_files(place).items()}
    if metric := metric_file(options.metric):
        files["metric"] = resolve(metric, project, "metric")
    for path in external_files(source):
        files[f"external/{path.name}"] = path
    for path in shard_files(source):
        files[f"shard/{path.name}"] = path
    if card := card_file(source):
        files["task"] = card
    files |= {f"beside/{name}": path for name, path in files_beside(source).items()}
    # One that is not there has its own error when it is loaded.
    files |= {f"library/{number}": path.resolve() for number, path in enumerate(library.of_game()) if path.is_file()}
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
    """The `.ptd` files that belong to a `.pte`: beside it, with a name that begins with its stem. Of an `.onnx` the
    files that may hold its tensors, such as `net.onnx.data`."""
    if source.suffix.lower() == ".onnx":
        near = (path for path in files_in(source.parent) if path.name.startswith(source.stem))
        return sorted(
            path for path in near if ONNX_DATA.fullmatch(path.name[len(source.stem) :]) and is_beside(path, source)
        )
    if source.suffix.lower() != ".pte":
        return []
    beside = (path for path in files_in(source.parent) if path.suffix.lower() == EXTERNAL_SUFFIX)
    return sorted(path for path in beside if path.name.startswith(source.stem) and is_beside(path, source))


def external_file(source: Path) -> Path | None:
    """The `.ptd` that a `.pte` is run with: the one of its own name before one such as `net-large.ptd`."""
    files = external_files(source)
    return min(files, key=lambda path: (path.stem != source.stem, path.name), default=None)
