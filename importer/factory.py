"""A Python file of the project that builds the architecture of a state dict.

def build(**arguments) -> nn.Module            named by the option `factory`, `res://models/net.py:build`
def example_inputs() -> tuple | dict           optional: one call's arguments
def calibration() -> Iterable[tuple]           optional: inputs to calibrate quantization with
def methods(model) -> {name: (module, example)} optional: several methods in one program
def constant_methods(model) -> {name: value}   optional: values that the program can be asked for
dynamic_shapes = {...}                         optional: as torch.export takes them
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from importer.errors import ImporterError
from importer.options import ImportOptions, split_factory
from importer.paths import resolve


class Factory:
    """The functions of a factory's file. Raises FACTORY_FAILED with the person's own traceback in the log."""

    def __init__(self, options: ImportOptions, project: Path | None) -> None:
        text, self.function = split_factory(options.factory)
        self.path = resolve(text, project, "factory")
        self._arguments = options.arguments()
        self._module = self._import()

    def build(self) -> torch.nn.Module:
        function = getattr(self._module, self.function, None)
        if not callable(function):
            names = [name for name, value in vars(self._module).items() if callable(value) and not name.startswith("_")]
            cause = f"{self.path.name} has no function '{self.function}'; it has {', '.join(names[:8]) or 'none'}."
            raise ImporterError("FACTORY_FAILED", cause, "Name the function in the option: net.py:build.", "load")
        model = self._call(function, **self._arguments)
        if not isinstance(model, torch.nn.Module):
            cause = f"{self.path.name}:{self.function} returned {type(model).__name__}; expected a torch.nn.Module."
            raise ImporterError("FACTORY_FAILED", cause, "Return the model from the factory.", "load")
        return model

    def value(self, name: str, *arguments: Any) -> Any:
        """What the optional function `name` returns, or the value of that name; nothing when there is none."""
        found = getattr(self._module, name, None)
        return self._call(found, *arguments) if callable(found) else found

    def has(self, name: str) -> bool:
        return hasattr(self._module, name)

    def _import(self) -> ModuleType:
        folder = str(self.path.parent)
        spec = importlib.util.spec_from_file_location(f"factory_{self.path.stem}", self.path)
        if spec is None or spec.loader is None:
            cause = f"{self.path.name} is no Python file."
            raise ImporterError("FACTORY_FAILED", cause, "Name a .py file in the option 'factory'.", "load")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        sys.path.insert(0, folder)  # a factory may import its neighbours
        writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            self._call(spec.loader.exec_module, module)
        finally:
            sys.dont_write_bytecode = writes_bytecode
        return module

    def _call(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except ImporterError:
            raise
        except (Exception, SystemExit) as error:
            cause = f"{self.path.name} failed: {type(error).__name__}: {error}."
            remedy = "Mend the factory, or change the option 'factory_arguments'."
            raise ImporterError("FACTORY_FAILED", cause, remedy, "load", traceback.format_exc()) from error
