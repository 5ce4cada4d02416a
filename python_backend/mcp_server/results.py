"""The shapes of the tools' answers; the SDK makes their JSON schemas from these."""

from __future__ import annotations

from typing import Any

from typing_extensions import NotRequired, TypedDict


class ModelFile(TypedDict):
    """`problem` says why a file is not a model; `kind` is then empty. size in bytes."""

    path: str
    kind: str
    size: int
    problem: str


class ModelList(TypedDict):
    project: str
    models: list[ModelFile]


class Conversion(TypedDict):
    """`written`: the program's path, or empty."""

    metadata: dict[str, Any]
    key: str
    written: str


class Validation(TypedDict):
    """`error`: code, cause, remedy, stage and log when the model is not valid. Times in microseconds."""

    valid: bool
    error: dict[str, str]
    accuracy: dict[str, Any]
    timings: dict[str, Any]


class SweepRow(TypedDict):
    """Either the numbers of a recipe (size in bytes), or why it does not work."""

    recipe: str
    size: NotRequired[int]
    executorch_us: NotRequired[float]
    eager_us: NotRequired[float]
    max_relative: NotRequired[float]
    cosine: NotRequired[float]
    share: NotRequired[float]
    error: NotRequired[str]
    cause: NotRequired[str]


class Sweep(TypedDict):
    rows: list[SweepRow]


class Doctor(TypedDict):
    ok: bool
    checks: list[dict[str, Any]]
