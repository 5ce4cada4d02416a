"""The import options: the same names in the editor's import dock, on the command line and in the cache key."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.paths import resolve
from importer.signature import parse_inputs

RECIPES = (
    "auto",
    "portable",
    "xnnpack_fp32",
    "xnnpack_fp16",
    "xnnpack_int8_dynamic",
    "xnnpack_int8_static",
    "xnnpack_int8_static_per_tensor",
    "xnnpack_int8_int4",
)
RECURRENT = ("scan", "step", "unroll")


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
    inputs: str = ""
    factory: str = ""
    factory_arguments: str = ""
    calibration: str = ""
    group_size: int = 32
    recurrent: str = "scan"
    max_absolute_error: str = ""
    max_relative_error: str = ""
    deadline_seconds: int = 600
    memory_limit_megabytes: int = 0
    external_weights: bool = False

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
            if type(value) is not kinds[name]:
                cause = f"The option '{name}' is {kinds[name].__name__}; got {type(value).__name__} {value!r:.80}."
                raise _invalid(name, cause, f"Give it a value of type {kinds[name].__name__}.")
            known[name] = value
        return ImportOptions(**known)

    def changed(self) -> dict[str, str | bool | int]:
        """The options that differ from their defaults, as the cache key has them."""
        defaults = asdict(ImportOptions())
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}

    def check(self, project: Path | None) -> list[Problem]:
        """Everything that is wrong with these options; empty when a conversion may start. Imports no torch."""
        problems = []
        if self.recipe not in RECIPES:
            problems.append(
                Problem("recipe", f"There is no recipe '{self.recipe}'.", f"There are: {', '.join(RECIPES)}.")
            )
        if self.recurrent not in RECURRENT:
            cause = f"The option 'recurrent' is '{self.recurrent}'."
            problems.append(Problem("recurrent", cause, f"There are: {', '.join(RECURRENT)}."))
        if self.group_size < 32 or self.group_size % 32:
            cause = f"A group of {self.group_size} weights: XNNPACK takes multiples of 32."
            problems.append(Problem("group_size", cause, "Use 32, 64 or 128."))
        if self.deadline_seconds < 1:
            problems.append(Problem("deadline_seconds", "The deadline is less than a second.", "Use 600."))
        if self.memory_limit_megabytes < 0:
            problems.append(
                Problem("memory_limit_megabytes", "The memory limit is negative.", "Use 0 for the default.")
            )
        for name in ("max_absolute_error", "max_relative_error"):
            if _tolerance(getattr(self, name)) is None:
                cause = f"'{getattr(self, name)}' is no number of 0 or more."
                problems.append(Problem(name, cause, "Leave it empty for the recipe's own tolerance, or write 0.001."))
        problems += _check_texts(self, project)
        return problems

    def tolerance(self, name: str, default: float) -> float:
        """The value of `max_absolute_error` or `max_relative_error`, or the recipe's own."""
        text = str(getattr(self, name))
        value = _tolerance(text)
        return default if not text.strip() or value is None else value

    def arguments(self) -> dict[str, Any]:
        """The factory's keyword arguments."""
        return dict(json.loads(self.factory_arguments)) if self.factory_arguments.strip() else {}


def split_factory(text: str) -> tuple[str, str]:
    """`res://models/net.py:build` as its file and its function; the function is `build` when none is named."""
    path, colon, function = text.strip().rpartition(":")
    if not colon or not function.isidentifier():
        return text.strip(), "build"
    return path, function


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
        cause = f"The option 'factory_arguments' is no JSON object: {error}."
        problems.append(Problem("factory_arguments", cause, 'Write it as in {"hidden": 64}.'))
    places = {"factory": split_factory(options.factory)[0], "calibration": options.calibration.strip()}
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
