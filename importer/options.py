"""The import options: the same names in the editor's import dock, on the command line and in the cache key."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.paths import resolve
from importer.signature import parse_inputs

FASTEST = "fastest"
CHOOSING = ("auto", FASTEST)
"""The recipes that choose one of the others."""
RECIPES = (
    *CHOOSING,
    "portable",
    "xnnpack_fp32",
    "xnnpack_fp16",
    "xnnpack_int8_dynamic",
    "xnnpack_int8_static",
    "xnnpack_int8_static_per_tensor",
    "xnnpack_int8_int4",
    "coreml_fp16",
    "mlx",
)
KERNELS = ("own", "stock")
RECURRENT = ("kernel", "scan", "step", "unroll")
SEARCH = "search"
"""In place of a recipe, for `convert` of the command line and of the Python API: a search for one (importer/search)."""
MIXED_RECIPES = ("xnnpack_int8_dynamic", "xnnpack_int8_static", "xnnpack_int8_static_per_tensor")
"""The recipes in which some layers may stay fp32 or fp16."""
FLOAT_TYPES = ("fp32", "fp16")
METRICS = ("top1", "top5", "iou", "cosine", "mae", "rmse")
_LONGEST, _LONGEST_ARGUMENTS = 10_000, 1 << 20  # characters
LIMITS = ("deadline_seconds", "memory_limit_megabytes")
"""Options that only limit a conversion: its result does not depend on them."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with one option."""

    option: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class ImportOptions:
    """Every value is a string, a bool or an integer. Names and defaults: docs/architecture.md, "Options"."""

    recipe: str = "auto"
    variants: str = ""
    inputs: str = ""
    also_outputs: str = ""
    factory: str = ""
    factory_arguments: str = ""
    weights: str = ""
    calibration: str = ""
    evaluate: str = ""
    metric: str = ""
    group_size: int = 32
    float_layers: str = ""
    kernels: str = "own"
    recurrent: str = "kernel"
    slice: str = ""
    max_absolute_error: str = ""
    max_relative_error: str = ""
    deadline_seconds: int = 600
    memory_limit_megabytes: int = 0
    external_weights: bool = False

    def __post_init__(self) -> None:
        for item in fields(self):
            value, kind = getattr(self, item.name), type(item.default)
            if type(value) is not kind:
                cause = f"The option '{item.name}' must be {kind.__name__}; got {type(value).__name__} {value!r:.80}."
                example = f", as in '{value!r:.40}'" if kind is str else ""
                raise _invalid(item.name, cause, f"Give it a value of type {kind.__name__}{example}.")

    @staticmethod
    def from_mapping(values: Mapping[str, Any]) -> ImportOptions:
        """Options from a mapping such as parsed JSON. Raises OPTION_INVALID for unknown names and wrong types."""
        kinds = {field.name: type(field.default) for field in fields(ImportOptions)}
        known: dict[str, Any] = {}
        for name, value in values.items():
            if name not in kinds:
                raise _invalid(name, f"There is no import option '{name}'.", f"There are: {', '.join(kinds)}.")
            if kinds[name] is int and isinstance(value, float) and value.is_integer():
                value = int(value)  # Godot's JSON has no integers
            known[name] = value
        return ImportOptions(**known)

    def changed(self) -> dict[str, str | bool | int]:
        """The options that differ from their defaults."""
        defaults = asdict(ImportOptions())
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}

    def decisive(self) -> dict[str, str | bool | int]:
        """The changed options that the artifact depends on, as the cache key has them."""
        return {name: value for name, value in self.changed().items() if name not in LIMITS}

    def keyed(self, project: Path | None) -> ImportOptions:
        """The options as the cache key and the metadata have them: without a project, of files only their names.

        So both are equal wherever the files lie and the command is called.
        """
        if project is not None:  # the editor makes the same key, with the project's own paths
            return self
        factory, function = split_factory(self.factory)
        return replace(
            self,
            factory=f"{_name(factory)}:{function}" if factory else "",
            calibration=_name(self.calibration.strip()),
            evaluate=_name(self.evaluate.strip()),
            metric=metric_label(self.metric),
        )

    def check(self, project: Path | None) -> list[Problem]:
        """The problems of these options; empty when a conversion may start. Does not import torch."""
        problems = _too_long(self)
        if problems:
            return problems
        if self.recipe not in RECIPES:
            problems.append(
                Problem("recipe", f"There is no recipe '{self.recipe:.80}'.", f"There are: {', '.join(RECIPES)}.")
            )
        problems += _check_variants(self)
        if self.recurrent not in RECURRENT:
            cause = f"The option 'recurrent' is '{self.recurrent:.80}'."
            problems.append(Problem("recurrent", cause, f"There are: {', '.join(RECURRENT)}."))
        if self.kernels not in KERNELS:
            cause = f"The option 'kernels' is '{self.kernels:.80}'."
            problems.append(Problem("kernels", cause, f"There are: {', '.join(KERNELS)}."))
        problems += metric_problems(self.metric)
        if self.metric.strip() and not self.evaluate.strip() and not self.factory.strip():
            cause = "The option 'metric' is set, but there is no evaluation data."
            remedy = "Set the option 'evaluate' to a folder or a .npz, or name a factory with evaluation()."
            problems.append(Problem("metric", cause, remedy))
        if self.group_size < 32 or self.group_size % 32:
            cause = f"The option 'group_size' is {self.group_size}; XNNPACK supports multiples of 32."
            problems.append(Problem("group_size", cause, "Use 32, 64 or 128."))
        if self.kept_in_float() and not {self.recipe, *self.variant_recipes()} & {FASTEST, *MIXED_RECIPES}:
            cause = f"The option 'float_layers' is set, but the recipe {self.recipe:.80} does not mix int8 with fp32."
            problems.append(
                Problem("float_layers", cause, f"Choose one of {', '.join(MIXED_RECIPES)}, or leave it empty.")
            )
        if unknown := next((kind for kind in self.kept_in_float().values() if kind not in FLOAT_TYPES), None):
            cause = f"The option 'float_layers' names the type '{unknown:.80}'."
            problems.append(Problem("float_layers", cause, f"There are: {', '.join(FLOAT_TYPES)}."))
        if self.deadline_seconds < 1:
            problems.append(Problem("deadline_seconds", "The deadline is less than a second.", "Use 600."))
        if self.memory_limit_megabytes < 0:
            problems.append(
                Problem("memory_limit_megabytes", "The memory limit is negative.", "Use 0 for the default.")
            )
        if self.slice.strip() and not _tolerance(self.slice):
            cause = f"'{self.slice:.80}' is not a number of milliseconds over 0."
            problems.append(Problem("slice", cause, "Leave it empty to keep delegates whole, or write 2."))
        for name in ("max_absolute_error", "max_relative_error"):
            if _tolerance(getattr(self, name)) is None:
                cause = f"'{getattr(self, name):.80}' is not a number of 0 or more."
                problems.append(Problem(name, cause, "Leave it empty for the recipe's own tolerance, or write 0.001."))
        problems += _check_texts(self, project)
        return problems

    def tolerance(self, name: str, default: float) -> float:
        """The value of `max_absolute_error` or `max_relative_error`, or the recipe's own."""
        text = str(getattr(self, name))
        value = _tolerance(text)
        return default if not text.strip() or value is None else value

    def slice_nanoseconds(self) -> float:
        """How long an instruction may take by the option `slice`; 0 for no limit."""
        return (_tolerance(self.slice) or 0.0) * 1e6

    def variant_recipes(self) -> list[str]:
        """The recipes of the option `variants`, in its order."""
        return _listed(self.variants)

    def kept_in_float(self) -> dict[str, str]:
        """The layers of the option `float_layers`, in its order, and `fp32` or `fp16` for each."""
        return dict(_float_layer(text) for text in _listed(self.float_layers))

    def further_outputs(self) -> list[str]:
        """The names of the option `also_outputs`, in its order and each once."""
        return list(dict.fromkeys(_listed(self.also_outputs)))

    def arguments(self) -> dict[str, Any]:
        """The factory's keyword arguments."""
        return dict(json.loads(self.factory_arguments)) if self.factory_arguments.strip() else {}


def split_factory(text: str) -> tuple[str, str]:
    """`res://models/net.py:build` as its file and its function; the function is `build` when none is named."""
    path, colon, function = text.strip().rpartition(":")
    if not colon or not function.isidentifier():
        return text.strip(), "build"
    return path, function


def metric_file(text: str) -> str:
    """The file of a metric `FILE.py:function`; empty for the name of a known metric."""
    return split_factory(text)[0] if ".py" in text else ""


def metric_label(text: str) -> str:
    """A metric's name in metadata: `FILE.py:function` without the folder of the file."""
    file = metric_file(text)
    return text.strip().replace(file, _name(file), 1) if file else text.strip()


def metric_problems(text: str) -> list[Problem]:
    """The problems of the name of a metric; empty for none, a known one and `FILE.py:function`."""
    if not text.strip() or text.strip() in METRICS or metric_file(text):
        return []
    cause = f"There is no metric '{text:.80}'."
    return [Problem("metric", cause, f"There are: {', '.join(METRICS)}, and FILE.py:function.")]


def _name(text: str) -> str:
    """The last part of a path; of `.` the folder's name."""
    return Path(os.path.normpath(Path(text).absolute())).name if text else ""


def _too_long(options: ImportOptions) -> list[Problem]:
    problems = []
    for item in fields(options):
        value = getattr(options, item.name)
        if isinstance(value, str) and len(value) > (
            _LONGEST_ARGUMENTS if item.name == "factory_arguments" else _LONGEST
        ):
            problems.append(Problem(item.name, f"It has {len(value)} characters.", "Shorten it."))
    return problems


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _float_layer(text: str) -> tuple[str, str]:
    """`head: fp16` as its layer and its type; the type is fp32 when none is named."""
    layer, colon, kind = text.partition(":")
    return layer.strip(), kind.strip() if colon else FLOAT_TYPES[0]


def _check_variants(options: ImportOptions) -> list[Problem]:
    names = options.variant_recipes()
    known = ", ".join(RECIPES[len(CHOOSING) :])
    problems = []
    if unknown := next((name for name in names if name not in RECIPES or name in CHOOSING), None):
        cause = f"The option 'variants' names '{unknown:.80}', which is not the recipe of a variant."
        problems.append(Problem("variants", cause, f"There are: {known}."))
    elif twice := next((name for name in names if [*names, options.recipe].count(name) > 1), None):
        cause = f"The option 'variants' names {twice}, which the model has already."
        problems.append(Problem("variants", cause, "Name each recipe once, and not that of the option 'recipe'."))
    if names and options.external_weights:
        cause = "A model with variants cannot have external weights: each variant contains weights of its own."
        problems.append(Problem("variants", cause, "Turn 'external_weights' off, or leave 'variants' empty."))
    return problems


def _check_texts(options: ImportOptions, project: Path | None) -> list[Problem]:
    problems = []
    try:
        parse_inputs(options.inputs)
    except ImporterError as error:
        problems.append(Problem("inputs", error.cause, error.remedy))
    try:
        arguments = json.loads(options.factory_arguments) if options.factory_arguments.strip() else {}
        if not isinstance(arguments, dict):
            raise ValueError(f"it is {type(arguments).__name__}")
    except (ValueError, RecursionError) as error:
        cause = f"The option 'factory_arguments' is not a JSON object: {error}."
        problems.append(Problem("factory_arguments", cause, 'Write it as in {"hidden": 64}.'))
    places = {
        "factory": split_factory(options.factory)[0],
        "calibration": options.calibration.strip(),
        "evaluate": options.evaluate.strip(),
        "metric": metric_file(options.metric),
    }
    for name, text in places.items():
        try:
            if text and resolve(text, project, name).is_dir() and name == "factory":
                cause = f"The option 'factory' is '{text}', which is a folder."
                problems.append(Problem(name, cause, "Name a .py file, as in res://models/net.py:build."))
        except ImporterError as error:
            problems.append(Problem(name, error.cause, error.remedy))
    return problems


def _tolerance(text: str) -> float | None:
    if not text.strip():
        return 0.0
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _invalid(name: str, cause: str, remedy: str) -> ImporterError:
    return ImporterError("OPTION_INVALID", cause, remedy, "read")
