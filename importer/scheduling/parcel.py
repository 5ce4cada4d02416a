"""A conversion as a text that goes to another machine: its options, and its files by their hashes.

The files lie there as the cache key names them: `source/`, `factory/`, `calibration/`, `evaluation/`, `metric/`. The
other machine computes the key from them again, so a file that is missing or changed is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from importer.cache.cache_key import dependencies, hashed
from importer.cache.known_hashes import known_hash
from importer.errors import ImporterError
from importer.jobs.conversion import Job
from importer.kernels import library
from importer.options import ImportOptions, metric_file, split_factory
from importer.paths import resolve
from importer.program.metadata import versions
from importer.version import IMPORTER_VERSION

_FOLDERS = {"calibration": "calibration", "evaluation": "evaluate"}


@dataclass(frozen=True)
class Parcel:
    """key: what the other machine must compute too. source: the name of the model file. cache: the shared address.
    written: the changed options as a person wrote them; keyed: as the key has them; placed: those of them that name
    files, as places of `files`.
    files: place -> sha256. software: what the result depends on beside the key."""

    key: str
    source: str
    cache: str
    written: Mapping[str, Any]
    keyed: Mapping[str, Any]
    placed: Mapping[str, str]
    files: Mapping[str, str]
    allow_pickle: bool
    trusted_factories: list[str]
    software: Mapping[str, str]

    def text(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> Parcel:
        return Parcel(**json.loads(text))

    def unpack(self, folder: Path, put: Callable[[str, Path], None]) -> Job:
        """The job with its files in `folder`, which `put(sha256, target)` puts there. Raises CLUSTER_WORKER_DIFFERS."""
        self._check_software()
        for place, sha256 in self.files.items():
            if not re.fullmatch("[0-9a-f]{64}", sha256) or not _is_inside(place):
                cause = f"The cluster asks for a file at {place!r:.200}, which is not a place of a conversion."
                raise ImporterError("CLUSTER_WORKER_DIFFERS", cause, "Use the same version on all machines.", "read")
            put(sha256, folder / place)
        for name, option in _FOLDERS.items():
            if self.placed.get(option) == name:
                (folder / name).mkdir(exist_ok=True)  # an empty one has no files
        written = ImportOptions.from_mapping(self.written)
        places = {name: str(folder / place) for name, place in self.placed.items()}
        placed = ImportOptions.from_mapping({**self.written, **places})
        return Job(
            folder / "source" / self.source,
            self.cache,
            placed,
            display_path=self.source,
            allow_pickle=self.allow_pickle,
            key=self.key,
            trusted_factories=self.trusted_factories,
            written=written,
            keyed=ImportOptions.from_mapping(self.keyed),
            mirror=folder / "cache",
        )

    def _check_software(self) -> None:
        own = software()
        for name, wanted in self.software.items():
            if own.get(name) != wanted:
                cause = f"A worker of the cluster has {name} {own.get(name, 'not at all')}, this machine {wanted}."
                remedy = "Install the same versions on all machines: the results would differ."
                raise ImporterError("CLUSTER_WORKER_DIFFERS", cause, remedy, "start")


def pack(job: Job) -> tuple[Parcel, dict[str, Path]]:
    """The parcel of a job, and its files by their hashes. Raises what `dependencies` does."""
    places, placed = _places(job)
    hashes = {place: hashed(path, known_hash) for place, path in places.items()}
    parcel = Parcel(
        job.key,
        job.source.name,
        job.cache,
        job.options.changed(),
        job.options.keyed(job.project).changed(),
        placed,
        hashes,
        job.allow_pickle,
        job.trusted_factories,
        software(),
    )
    return parcel, {hashes[place]: path for place, path in places.items()}


def software() -> dict[str, str]:
    """The versions on this machine that a result depends on."""
    kernels = "there" if library.path() else "missing"
    own = ", ".join(hashed(path, known_hash)[:16] for path in library.of_game() if path.is_file()) or "missing"
    return {
        "importer": IMPORTER_VERSION,
        **versions(),
        "the addon's kernel library": kernels,
        "the game's kernel libraries": own,
    }


def _places(job: Job) -> tuple[dict[str, Path], dict[str, str]]:
    """Place -> file, and the options that name files with these places."""
    options, found = job.options, {f"source/{job.source.name}": job.source}
    placed: dict[str, str] = {}
    for name, path in dependencies(job.source, options, job.project).items():
        kind, _, rest = name.partition("/")
        if kind == "library":
            continue  # each machine has its own: no file that comes over the network is loaded
        if kind == "factory":
            found[f"factory/{path.name}"] = path
            placed["factory"] = f"factory/{path.name}:{split_factory(options.factory)[1]}"
        elif kind in ("module", "read"):
            found[f"factory/{rest}"] = path
        elif kind == "metric":
            found[f"metric/{path.name}"] = path
            placed["metric"] = f"metric/{path.name}{options.metric.strip().removeprefix(metric_file(options.metric))}"
        elif kind in _FOLDERS:
            found[name] = path
        else:  # what lies beside the source
            found[f"source/{path.name}"] = path
    for folder, option in _FOLDERS.items():
        if text := str(getattr(options, option)).strip():
            path = resolve(text, job.project, option)
            placed[option] = folder if path.is_dir() else f"{folder}/{path.name}"
    return found, placed


def _is_inside(place: str) -> bool:
    path = PurePosixPath(place)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in place
