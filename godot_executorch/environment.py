"""Errors in the words of the Python API, also of what the machine lacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from importer.errors import ConversionError, broken_package

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")
_OPTION = re.compile(r"[Tt]he option '(\w+)'( or example_inputs\(\))?")
_PARAMETERS = (
    "recipe", "variants", "calibration", "evaluate", "metric", "factory", "deadline_seconds", "memory_limit_megabytes"
)  # fmt: skip


def with_errors_of_python(function: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """A package that cannot be imported becomes a ConversionError BROKEN_PACKAGE, which says what repairs it; errors
    name parameters where the importer names options."""

    @wraps(function)
    def called(*arguments: _Given.args, **keywords: _Given.kwargs) -> _Found:
        try:
            return function(*arguments, **keywords)
        except ConversionError as error:
            error.cause, error.remedy = (_OPTION.sub(_in_python, text) for text in (error.cause, error.remedy))
            raise
        except Exception as error:
            if broken := broken_package(error):
                raise broken from error
            raise

    return called


def _in_python(option: re.Match[str]) -> str:
    name = option.group(1)
    if name == "inputs":
        return "example_inputs"
    return name if name in _PARAMETERS else f"options={{'{name}': ...}}"
