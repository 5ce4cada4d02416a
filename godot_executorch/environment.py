"""What the machine lacks, as the same kind of error as everything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from importer.errors import broken_package

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def names_broken_packages(function: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """A package that cannot be imported becomes a ConversionError BROKEN_PACKAGE, which says what repairs it."""

    @wraps(function)
    def called(*arguments: _Given.args, **keywords: _Given.kwargs) -> _Found:
        try:
            return function(*arguments, **keywords)
        except Exception as error:
            if broken := broken_package(error):
                raise broken from error
            raise

    return called
