"""A Python file of the project that builds the architecture of a state dict.

def build(**arguments) -> nn.Module            named by the option `factory`: `res://models/net.py:build`, or a class
def example_inputs() -> tuple | dict           optional: one call's arguments
def calibration() -> Iterable[tuple]           optional: inputs to calibrate quantization with
def evaluation() -> Iterable[tuple]            optional: labelled batches `(inputs, target)`, for a metric
def methods(model) -> {name: (module, example)} optional: several methods in one program
def constant_methods(model) -> {name: value}   optional: values that the program can be asked for
dynamic_shapes = {...}                         optional: as torch.export takes them
task = {...}                                   optional: the task card
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from importer.cache.cache_key import hash_file
from importer.cache.factory_modules import imported_files
from importer.errors import Guess, ImporterError
from importer.options import ImportOptions, split_factory
from importer.paths import resolve

_MOST_OFFERED = 3


@contextmanager
def neighbours(options: ImportOptions, project: Path | None) -> Iterator[None]:
    """While it lasts the factory's file may import what is beside it, now and later in its functions.

    All of it is read anew: a module of the same name that this process already has (an older state of the file, or
    another project's) is put aside, and comes back afterwards. Nothing of the project stays in sys.path and
    sys.modules; what it made Python import from elsewhere stays, because torch's parts cannot be imported twice.
    """
    if not options.factory.strip():
        yield
        return
    factory = resolve(split_factory(options.factory)[0], project, "factory")
    folder = factory.parent
    names = _names_beside(factory)
    aside = {name: module for name, module in sys.modules.items() if _top(name) in names}
    for name in aside:
        del sys.modules[name]
    before = set(sys.modules)
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = writes_bytecode
        for name in set(sys.modules) - before:
            # Also what it imported by a made-up name; but not from an environment (.venv) that is in this folder.
            file = _file(sys.modules[name])
            if _top(name) in names or (_is_inside(file, [folder]) and not _is_inside(file, _installed())):
                del sys.modules[name]
        sys.modules.update(aside)


def _names_beside(factory: Path) -> set[str]:
    """The top names of the modules and packages that the factory may import from its folder. Not those that no
    neighbour may replace: Python's own, installed ones that are loaded, and this package."""
    files = imported_files(factory) if factory.is_file() else {}
    names = {name.partition("/")[0].removesuffix(".py") for name in files}
    loaded = {name for name in names if _is_inside(_file(sys.modules.get(name)), _installed())}
    return names - loaded - set(sys.stdlib_module_names) - {_top(__name__)}


def _top(name: str) -> str:
    return name.partition(".")[0]


def _installed() -> list[Path]:
    return [Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib", "stdlib", "platstdlib")]


def _file(module: ModuleType | None) -> str:
    # Not by getattr, which would start modules that load late.
    file = vars(module).get("__file__") if module is not None else None
    return file if isinstance(file, str) else ""


def _is_inside(file: str, folders: list[Path]) -> bool:
    return any(file.startswith(f"{folder}{os.sep}") for folder in folders)


class Factory:
    """The functions of a factory's file, inside of `neighbours`. Raises FACTORY_FAILED with the person's own traceback
    in the log."""

    def __init__(self, options: ImportOptions, project: Path | None) -> None:
        self._place, self.function = split_factory(options.factory)
        self._is_named = self._place != options.factory.strip()
        self.path = resolve(self._place, project, "factory")
        self._arguments = options.arguments()
        self._module = self._import()
        if self._is_named and not self.can_build():
            raise self._unknown()

    def can_build(self) -> bool:
        """Whether the file has what the option names, or the one class that can be meant."""
        return callable(self._builder())

    def class_for(self, module: str, name: str) -> Any:
        """The class that a pickle names, when the option names this file and nothing in it; else nothing."""
        is_meant = module == "__main__" or module.rpartition(".")[2] == self.path.stem
        of_pickle = is_meant and not self._is_named and not hasattr(self._module, self.function)
        return getattr(self._module, name, None) if of_pickle else None

    def build(self) -> torch.nn.Module:
        function = self._builder()
        if not callable(function):
            raise self._unknown()
        remedy = "Correct it, or change its arguments: the option 'factory_arguments'."
        model = self._call(function, remedy, **self._arguments)
        if not isinstance(model, torch.nn.Module):
            cause = f"{self.path.name}:{self.function} returned {type(model).__name__}; expected a torch.nn.Module."
            raise ImporterError("FACTORY_FAILED", cause, "Return the model from the factory.", "load")
        return model

    def _builder(self) -> Any:
        """What the option names; when it names nothing, `build` or the one module class that the file defines."""
        found = getattr(self._module, self.function, None)
        classes = [value for value in self._own() if _is_module(value)]
        return classes[0] if found is None and not self._is_named and len(classes) == 1 else found

    def _own(self) -> list[Any]:
        """The public classes and functions that the file itself defines."""
        values = [value for name, value in vars(self._module).items() if not name.startswith("_")]
        return [value for value in values if getattr(value, "__module__", "") == self._module.__name__]

    def _unknown(self) -> ImporterError:
        """The error for a name that the file does not have, with the nearest names."""
        own = {value.__name__: value for value in self._own() if hasattr(value, "__name__")}
        near = difflib.get_close_matches(self.function, own, 1)
        names = near or [name for name, value in own.items() if _is_module(value)] or list(own)
        cause = f"{self.path.name} has no '{self.function}'; it has {', '.join(list(own)[:8]) or 'nothing to call'}."
        remedy = (
            "Write the class or function that builds the model into this file, and name it in the option 'factory'."
        )
        if names:
            remedy = f"Name a class or a function of it in the option 'factory': {self._place}:{names[0]}."
        guesses = [self._offer(name) for name in names[:_MOST_OFFERED]]
        return ImporterError("FACTORY_FAILED", cause, remedy, "load", guesses=guesses)

    def _offer(self, name: str) -> Guess:
        reason = f"{self.path.name} has {name}."
        return Guess(f"Use {name} of {self.path.name}", reason, {"factory": f"{self._place}:{name}"})

    def value(self, name: str, *arguments: Any) -> Any:
        """The result of the optional function `name`, or the value of that name; None when there is none."""
        found = getattr(self._module, name, None)
        return self._call(found, f"Correct {name}().", *arguments) if callable(found) else found

    def dictionary(self, name: str) -> dict[str, Any] | None:
        """The dictionary of that name; None for anything else."""
        found = getattr(self._module, name, None)
        return found if isinstance(found, dict) else None

    def calibration(self) -> list[Any]:
        """All calls of `calibration()`. The code of a generator runs here; its exceptions are those of the factory."""
        return list(self._call(lambda: list(self.value("calibration")), "Correct calibration()."))

    def evaluation(self) -> list[Any]:
        """All labelled batches of `evaluation()`."""
        return list(self._call(lambda: list(self.value("evaluation")), "Correct evaluation()."))

    def has(self, name: str) -> bool:
        return hasattr(self._module, name)

    def _import(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"factory_{self.path.stem}", self.path)
        if spec is None or spec.loader is None:
            cause = f"{self.path.name} is not a Python file."
            raise ImporterError("FACTORY_FAILED", cause, "Name a .py file in the option 'factory'.", "load")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        self._call(spec.loader.exec_module, "Correct the file; the log has the line.", module)
        return module

    def _call(self, function: Callable[..., Any], remedy: str, *arguments: Any, **keywords: Any) -> Any:
        """remedy: of what the function raises, unless it needs another package or the sandbox."""
        try:
            return function(*arguments, **keywords)
        except ImporterError:
            raise
        except (Exception, SystemExit) as error:
            cause = f"{self.path.name} failed: {type(error).__name__}: {error}."
            if isinstance(error, ModuleNotFoundError) and error.name:
                cause = f"{self.path.name} needs the package {_top(error.name)}, which this Python does not have."
                remedy = self._without_package(_top(error.name))
            elif isinstance(error, FileNotFoundError) and error.filename:
                remedy = (
                    f"If it is beside {self.path.name}, write its path from there in quotes in that file, such as "
                    f'FILES = ["{Path(str(error.filename)).name}"]: such files belong to the model, also on a cluster.'
                )
            elif isinstance(error, PermissionError):
                remedy = (
                    "In the sandbox a factory has no network and no other folders. If it is "
                    f"your own and has to, add its SHA-256 {hash_file(self.path)} to the project setting "
                    "executorch/import/trusted_factories (or give it to --trust-factory)."
                )
            raise ImporterError("FACTORY_FAILED", cause, remedy, "load", traceback.format_exc()) from error

    def _without_package(self, package: str) -> str:
        what = (
            f"{'class' if self.function[:1].isupper() else 'function'} {self.function}" if self._is_named else "model"
        )
        for folder in self.path.parent.parents:
            if (folder / package).is_dir() or (folder / f"{package}.py").is_file():
                where = f"A factory imports what is beside it, and {package} is in {folder}"
                return f"{where}: move {self.path.name} there, or write the class without it."
        return (
            f"Move the {what} into a file of its own that does not import {package}, and name that file in the option "
            f"'factory'. Or install {package} into this Python: {sys.executable} -m pip install {package}"
        )


def _is_module(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, torch.nn.Module)
