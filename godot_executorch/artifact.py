"""The result of a conversion: files to save, and their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from godot_executorch.recipe import Recipe
from importer.cache import entry
from importer.cli.convert import install
from importer.errors import ImporterError
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
    that is of another size (the scores beside boxes). worst_channel: the output with the largest relative error, with
    that part. cosine: the smallest of an output. agreement: the share of equal classes, masks or indices; None when
    no output has them.
    """

    max_absolute: float
    max_relative: float
    cosine: float
    agreement: float | None
    worst_channel: str
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
    accuracy: Accuracy | None
    evaluation: Evaluation | None
    program_microseconds: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """A program that a search tried. size: bytes. microseconds: of a call. drop: how much worse the metric is than that
    of eager PyTorch. on_front: no other candidate is smaller, faster and better at once. error: the code when it cannot
    be the result, else empty; size, microseconds, max_relative and drop are None when there is no program."""

    recipe: Recipe
    size: int | None
    microseconds: float | None
    max_relative: float | None
    drop: float | None
    on_front: bool
    error: str


@dataclass(frozen=True)
class Search:
    """A search for a recipe. chosen: `convert(model, recipe=chosen)` makes the same program without a search.
    is_complete: False when the deadline ended it."""

    target: str
    is_complete: bool
    chosen: Recipe
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Metadata:
    """The metadata of a program. accuracy: None for a `.pte` that was given, and for a
    program that this machine cannot run. evaluation: None without evaluation data.
    training: None unless the network was trained with `prepare_qat`, and is evaluated. search: None without a search.
    as_dict: all metadata, as in docs/architecture.md, "Metadata"; for an experiment tracker."""

    name: str
    recipe: str
    size: int
    parameters: int
    methods: tuple[MethodMetadata, ...]
    accuracy: Accuracy | None
    evaluation: Evaluation | None
    training: Training | None
    search: Search | None
    eager_microseconds: float | None
    program_microseconds: float | None
    notes: tuple[str, ...]
    variants: tuple[Variant, ...]
    as_dict: Mapping[str, Any] = field(repr=False)

    def numbers(self) -> dict[str, float]:
        """The numbers of size, time, accuracy and evaluation under a flat name such as `accuracy.max_relative`, as
        experiment trackers take them (`mlflow.log_metrics`, `wandb.log`); the ends of an interval are `interval.0` and
        `interval.1`. Those of methods and layers are in `as_dict`."""
        sections = ("payload", "timings", "accuracy", "evaluation", "training", "parameters", "calibration")
        found = {name: self.as_dict[name] for name in sections if name in self.as_dict}
        variants = {item.recipe: _of_variant(item) for item in self.variants}
        return {**_flat(found, ""), **_flat({"variants": variants}, "")}

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
            _search(found),
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
    _entry: entry.Artifact = field(repr=False)

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

        Beside it are `.tres` for Godot, `.metadata.json`, `.RECIPE.pte` for each variant, and `.ptd` with
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
        install(self._entry, target)
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
        _accuracy(found["accuracy"]) if "accuracy" in found else None,
        _evaluation(found),
        found["timings"].get("executorch_us"),
        tuple(found["notes"]),
    )


def _evaluation(found: Mapping[str, Any]) -> Evaluation | None:
    evaluation = found.get("evaluation")
    return Evaluation(**{**evaluation, "interval": tuple(evaluation["interval"])}) if evaluation else None


def _search(found: Mapping[str, Any]) -> Search | None:
    search = found.get("search")
    if not search:
        return None
    candidates = (
        Candidate(
            Recipe(row["recipe"], tuple(row["float_layers"])),
            row.get("size"),
            row.get("executorch_us"),
            row.get("max_relative"),
            row.get("drop"),
            bool(row.get("front")),
            str(row.get("error", "")),
        )
        for row in search["candidates"]
    )
    chosen = Recipe(search["chosen"]["recipe"], tuple(search["chosen"]["float_layers"]))
    return Search(str(search["target"]), bool(search["complete"]), chosen, tuple(candidates))


def _of_variant(variant: Variant) -> dict[str, Any]:
    found = {"size": variant.size, "executorch_us": variant.program_microseconds}
    if variant.accuracy is None:
        return found
    error = {"max_relative": variant.accuracy.max_relative, "cosine": variant.accuracy.cosine}
    return {**found, "accuracy": error}


def _flat(found: Mapping[str, Any], before: str) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in found.items():
        if isinstance(value, Mapping):
            numbers |= _flat(value, f"{before}{name}.")
        elif name == "interval":
            numbers |= {f"{before}interval.{index}": float(end) for index, end in enumerate(value)}
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            numbers[f"{before}{name}"] = float(value)
    return numbers


def _training(found: Mapping[str, Any]) -> Training | None:
    training = found.get("training")
    return Training(**{**training, "interval": tuple(training["interval"])}) if training else None


def _accuracy(found: Mapping[str, Any]) -> Accuracy:
    return Accuracy(
        float(found["max_absolute"]),
        float(found["max_relative"]),
        float(found["cosine"]),
        found.get("agreement"),
        str(found.get("worst_channel", "")),
        int(found.get("samples", 0)),
    )
