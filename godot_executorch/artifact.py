"""The result of a conversion: files to save, and their metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from importer.atomic_files import write_atomically
from importer.cache import entry
from importer.cache.cache import storage_error
from importer.cli.convert import install
from importer.errors import ImporterError
from importer.program import measured
from importer.signature import TensorSpec


@dataclass(frozen=True)
class TensorMetadata:
    """An input or output. shape: the upper bounds; ranges: the smallest and largest size of each dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class MethodMetadata:
    """A method of the program. planned_memory: bytes of its activations. delegated: share of its operators that a
    backend runs, 0 to 1."""

    name: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    planned_memory: int
    delegated: float


@dataclass(frozen=True)
class Accuracy:
    """The program against eager PyTorch on the proof's samples.

    max_absolute, max_relative: the largest error; relative to the largest value of that output, or of the part of it
    that is of another size (the scores beside boxes). worst_output: the output with the largest relative error, with
    that part. cosine: the smallest of an output. agreement: the share of equal classes, masks or indices; None when
    no output has them.
    """

    max_absolute: float
    max_relative: float
    cosine: float
    agreement: float | None
    worst_output: str
    samples: int


@dataclass(frozen=True)
class Evaluation:
    """The metric on the evaluation data: of eager PyTorch, the exported graph and the program.

    difference: program minus eager. interval: where 95% of the resampled differences lie.
    """

    metric: str
    more_is_better: bool
    samples: int
    eager: float
    exported: float
    program: float
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Training:
    """What quantization-aware training gained, by the metric of the evaluation, on the same samples.

    before: eager PyTorch before the training. post_training: the program of the same recipe without the training.
    trained: this program. gain: how much better it is than without the training. interval: where 95% of the resampled
    gains lie.
    """

    recipe: str
    metric: str
    more_is_better: bool
    samples: int
    before: float
    post_training: float
    trained: float
    gain: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Variant:
    """A further program of the same model, with the same methods. size: bytes. The rest is as in Metadata."""

    recipe: str
    size: int
    accuracy: Accuracy
    evaluation: Evaluation | None
    program_microseconds: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Metadata:
    """The metadata of a program. accuracy: None for a `.pte` that was given. evaluation: None without evaluation data.
    training: None unless the network was trained with `prepare_qat`, and is evaluated.
    as_dict: all metadata, as in docs/architecture.md, "Metadata"; for an experiment tracker."""

    name: str
    recipe: str
    size: int
    parameters: int
    methods: tuple[MethodMetadata, ...]
    accuracy: Accuracy | None
    evaluation: Evaluation | None
    training: Training | None
    eager_microseconds: float | None
    program_microseconds: float | None
    notes: tuple[str, ...]
    variants: tuple[Variant, ...]
    as_dict: Mapping[str, Any]

    @staticmethod
    def of(found: Mapping[str, Any]) -> Metadata:
        """The typed form of metadata.json."""
        accuracy, timings = found.get("accuracy"), found.get("timings", {})
        return Metadata(
            str(found["name"]),
            str(found["recipe"]),
            int(found["payload"]["size"]) + sum(int(item["size"]) for item in found["payload"].get("external", [])),
            int(found.get("parameters", {}).get("count", 0)),
            tuple(_method(method) for method in found["methods"]),
            _accuracy(accuracy) if accuracy else None,
            _evaluation(found),
            _training(found),
            timings.get("eager_us"),
            timings.get("executorch_us"),
            tuple(found.get("notes", ())),
            tuple(_variant(item) for item in found.get("variants", ())),
            dict(found),
        )


@dataclass(frozen=True)
class Artifact:
    """A finished conversion. path: the program in the cache. cached: whether it was in the cache before."""

    path: Path
    metadata: Metadata
    cached: bool
    _entry: entry.Artifact

    def with_metadata(self, further: Mapping[str, Any]) -> Artifact:
        """The same with more metadata, which `save` writes too."""
        found = replace(self._entry, metadata={**self._entry.metadata, **further})
        return of_entry(found, self.cached)

    def variant(self, recipe: str) -> Path:
        """The program of a variant in the cache. Raises ConversionError OPTION_INVALID when there is none."""
        files = {item["recipe"]: item["payload"]["file"] for item in self.metadata.as_dict.get("variants", ())}
        if recipe not in files:
            known = f"There are: {', '.join(files)}." if files else "Convert the model with `variants`."
            raise ImporterError("OPTION_INVALID", f"There is no variant '{recipe}'.", known)
        return self.path.with_name(files[recipe])

    def save(self, path: str | Path) -> Path:
        """Write the program to `path`.

        Beside it are `.tres` for Godot, `.json` with the metadata, `.RECIPE.pte` for each variant, and `.ptd` with
        external weights, if there are any.
        They are equal for equal input and can be committed; the date and what was measured are in `.measured.json`.
        Returns the program's path.

        Each file is written completely or not at all. A missing folder is made. Raises ConversionError: OPTION_INVALID
        for another suffix than `.pte`, CACHE_DAMAGED, DISK_FULL.
        """
        target = Path(path)
        if target.suffix != ".pte":
            cause = f"A program is saved as a .pte file; got {target.name}."
            raise ImporterError("OPTION_INVALID", cause, f"Use {target.stem}.pte.", "store")
        try:
            install(self._entry, target)
            described = json.dumps(measured.split(self._entry.metadata)[0], indent=1)
            write_atomically(target.with_suffix(".json"), described.encode())
        except OSError as error:
            raise storage_error(error, target) from error
        return target


def of_entry(found: entry.Artifact, cached: bool) -> Artifact:
    """The public form of a cache entry."""
    return Artifact(found.payload, Metadata.of(found.metadata), cached, found)


def _method(found: Mapping[str, Any]) -> MethodMetadata:
    return MethodMetadata(
        str(found["name"]),
        tuple(tensor(item) for item in found["inputs"]),
        tuple(tensor(item) for item in found["outputs"]),
        sum(found["planned_memory"]),
        float(found["delegation"]["share"]),
    )


def tensor(found: Mapping[str, Any]) -> TensorMetadata:
    """The typed form of an input's or output's metadata."""
    spec = TensorSpec.of(found)
    ranges = tuple((dimension.minimum, dimension.maximum) for dimension in spec.dimensions)
    return TensorMetadata(spec.name, spec.dtype, tuple(int(size) for size in found["shape"]), ranges)


def _variant(found: Mapping[str, Any]) -> Variant:
    return Variant(
        str(found["recipe"]),
        int(found["payload"]["size"]),
        _accuracy(found["accuracy"]),
        _evaluation(found),
        found["timings"].get("executorch_us"),
        tuple(found["notes"]),
    )


def _evaluation(found: Mapping[str, Any]) -> Evaluation | None:
    evaluation = found.get("evaluation")
    return Evaluation(**{**evaluation, "interval": tuple(evaluation["interval"])}) if evaluation else None


def _training(found: Mapping[str, Any]) -> Training | None:
    training = found.get("training")
    return Training(**{**training, "interval": tuple(training["interval"])}) if training else None


def _accuracy(found: Mapping[str, Any]) -> Accuracy:
    return Accuracy(
        float(found["max_absolute"]),
        float(found["max_relative"]),
        float(found["cosine"]),
        found.get("agreement"),
        str(found.get("worst_output", "")),
        int(found.get("samples", 0)),
    )
