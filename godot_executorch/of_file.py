"""A module that a function of a Python file makes, and what else the file says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from importer.errors import ImporterError
from importer.options import ImportOptions, split_factory
from importer.sources.early_checks import check_options
from importer.sources.factory import Factory, neighbours


@dataclass(frozen=True)
class Made:
    """The module, and what the file's functions of these names return; None where it has none. name: of the file."""

    module: torch.nn.Module
    name: str
    example_inputs: Any
    calibration: list[Any] | None
    evaluation: list[Any] | None
    dynamic_shapes: Any


def place(text: str) -> str:
    """The text when it is `file.py:name`, else an empty one."""
    return text if split_factory(text)[0].endswith(".py") else ""


@contextmanager
def made(text: str, arguments: str, project: Path | None) -> Iterator[Made]:
    """While it lasts the file's functions may import what is beside it. arguments: of the function, a JSON object.

    Raises FACTORY_FAILED, and OPTION_INVALID for a file with several methods.
    """
    options = ImportOptions(factory=text, factory_arguments=arguments)
    check_options(options, project)
    with neighbours(options, project):
        factory = Factory(options, project)
        if factory.has("methods"):
            cause = f"{factory.path.name} has methods(): it describes a program with several methods."
            remedy = f"Save the weights, and convert their file with factory='{text}'."
            raise ImporterError("OPTION_INVALID", cause, remedy, "load")
        yield Made(
            factory.build(),
            factory.path.stem,
            factory.value("example_inputs") if factory.has("example_inputs") else None,
            factory.calibration() if factory.has("calibration") else None,
            factory.evaluation() if factory.has("evaluation") else None,
            factory.value("dynamic_shapes") if factory.has("dynamic_shapes") else None,
        )
