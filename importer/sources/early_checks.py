"""The checks that need no torch, whose start takes seconds. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from importer.errors import Guess, ImporterError
from importer.inputs.first_layer import inputs_needed
from importer.options import ImportOptions, split_factory
from importer.paths import resolve
from importer.sources.architecture.guess import (
    assigned_names,
    file_of_class,
    guess_factories,
    inputs_of,
    parse_python,
)
from importer.sources.architecture.layer_shapes import definitions
from importer.sources.archive_check import check_archive
from importer.sources.file_kind import FileKind, recognise
from importer.sources.onnx.file.graph_checks import check_model
from importer.sources.onnx.file.model_file import read_model
from importer.sources.script_signature import script_inputs
from importer.sources.state_dict import shards

_MOST_TOLD = 10
_LAYER = re.compile(r"torch\.nn\.modules\.[a-z_]+\.[A-Z][A-Za-z0-9]*")  # not what is reached through one
_CONTAINERS = "set frozenset list dict tuple int float complex bool str bytes bytearray object slice range"
_PLAIN = frozenset(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in _CONTAINERS.split())
_INPUTS_TOO = "Its inputs are needed too: the option 'inputs', or a function example_inputs() in the same file."


def refuse_early(
    source: Path,
    project: Path | None,
    options: ImportOptions,
    allow_pickle: bool,
    python_files: Sequence[Path] | None = None,
) -> None:
    """Raises what `convert` would raise anyway for files of no use, archives with code, pickled modules without
    permission, weights without a factory, and options that are wrong. Returns when torch is needed to say more."""
    file_kind = recognise(source)
    check_options(options, project)
    if file_kind.kind == "exported_program":
        check_archive(source)
    elif file_kind.kind == "onnx":
        check_model(read_model(source))
    elif file_kind.kind == "module" and not allow_pickle and not reads_weights_of_module(file_kind, options):
        inputs_known = bool(options.inputs.strip() or options.factory.strip())
        raise pickle_needs_permission(source, file_kind, project, python_files, inputs_known)
    elif file_kind.kind == "module" and allow_pickle and not options.factory.strip():
        _find_classes(source, file_kind, project, python_files)
    elif file_kind.kind in ("state_dict", "checkpoint", "safetensors"):
        shards(source)  # all are there
        if not options.factory.strip():
            raise state_dict_needs_factory(source, file_kind, project, python_files, bool(options.inputs.strip()))
    if options.inputs.strip() or file_kind.kind in ("exported_program", "onnx"):
        return
    if options.factory.strip():
        _factory_knows_inputs(file_kind, options, project)
    elif file_kind.kind == "torchscript" and (taken := script_inputs(source)):
        raise inputs_needed(taken.names, taken.guess)


def reads_weights_of_module(file_kind: FileKind, options: ImportOptions) -> bool:
    """Whether a pickled module's weights go into a factory's model, which needs no permission."""
    return file_kind.kind == "module" and bool(file_kind.state_dicts) and bool(options.factory.strip())


def check_options(options: ImportOptions, project: Path | None, owner: str = "") -> None:
    """Raises OPTION_INVALID for the options that are wrong: all of them. owner: what has them, for the message."""
    if problems := options.check(project):
        causes = [
            problem.cause if f"'{problem.option}'" in problem.cause else f"Option '{problem.option}': {problem.cause}"
            for problem in problems
        ]
        cause = (f"{owner}: " if owner else "") + " ".join(causes)
        remedies = list(dict.fromkeys(problem.remedy for problem in problems))
        raise ImporterError("OPTION_INVALID", cause, " ".join(remedies), "read")


def _factory_knows_inputs(file_kind: FileKind, options: ImportOptions, project: Path | None) -> None:
    """Raises INPUTS_NEEDED when the factory's file surely has neither example_inputs() nor methods()."""
    text, name = split_factory(options.factory)
    tree = parse_python(resolve(text, project, "factory"))
    if tree is None or assigned_names(tree) is None or {"example_inputs", "methods"} & (assigned_names(tree) or set()):
        return
    known = definitions(tree)
    shapes = _shapes(file_kind)
    taken = inputs_of(known[name], known, shapes) if name in known else None
    # Else torch guesses better: it has the model, and can run it with several inputs.
    if taken is not None and bool(taken[1]) == (len(taken[0]) == 1):
        raise inputs_needed(*taken, factory=resolve(text, project, "factory").name)


def pickle_needs_permission(
    path: Path,
    file_kind: FileKind,
    project: Path | None = None,
    python_files: Sequence[Path] | None = None,
    inputs_known: bool = True,
) -> ImporterError:
    """The refusal of a pickled module, with the project's classes that its weights can be read into."""
    cause = f"{path.name} is a pickled module; loading it runs code. It names {named(file_kind)}."
    remedy = "Save it with torch.export.save, or allow this file in the inspector if you trust where it is from."
    guesses = guess_factories(path, project, _shapes(file_kind), python_files, file_kind.globals)
    if guesses:
        taken = f"{_taken(guesses[0], inputs_known)} Then only its weights are read, and no code of the file runs."
        return ImporterError("PICKLE_NEEDS_PERMISSION", cause, f"{taken} Or {_later(remedy)}", "load", guesses=guesses)
    if file_kind.state_dicts:
        remedy = f"Name its class in the option 'factory' (then only its weights are read), {_later(remedy)}"
    if not inputs_known:
        remedy += " It also needs its inputs in the option 'inputs'."
    return ImporterError("PICKLE_NEEDS_PERMISSION", cause, remedy, "load")


def state_dict_needs_factory(
    path: Path,
    file_kind: FileKind,
    project: Path | None,
    python_files: Sequence[Path] | None = None,
    inputs_known: bool = True,
) -> ImporterError:
    shapes = _shapes(file_kind)
    parts = shards(path)
    for part in parts:
        if part != path:
            shapes |= _shapes(recognise(part))
    layers = ", ".join(f"{name} {list(shape)}" for name, shape in list(shapes.items())[:4])
    layers += ", ..." if len(shapes) > 4 else ""
    what = "a training checkpoint" if file_kind.kind == "checkpoint" else "a state dict"
    what = f"a state dict in {len(parts)} files" if len(parts) > 1 else what
    cause = f"{path.name} is {what}: it has {len(shapes)} tensors ({layers}) but no architecture."
    guesses = guess_factories(path, project, shapes, python_files)
    remedy = "Name the Python class or function that builds the model in the option 'factory': res://models/net.py:Net."
    if guesses:
        remedy = _taken(guesses[0], inputs_known)
    elif not inputs_known:
        remedy += f" {_INPUTS_TOO}"
    return ImporterError("STATE_DICT_NEEDS_FACTORY", cause, remedy, "load", guesses=guesses)


def _find_classes(path: Path, file_kind: FileKind, project: Path | None, python_files: Sequence[Path] | None) -> None:
    """Raises PICKLE_CLASS_MISSING when the project has the file of a pickle's class: as every code of a project it runs
    only when an option names it."""
    found = file_of_class(path, project, file_kind.globals, python_files)
    if found is None:
        return
    name, place = found
    cause = f"{path.name} needs {name}, which is in {place}: code of the project runs only when an option names it."
    remedy = f"Set the option 'factory' to {place}."
    guesses = guess_factories(path, project, _shapes(file_kind), python_files, file_kind.globals)
    reason = f"Loads the pickle itself, with its classes from {place}."
    guesses.append(Guess(f"Run the file with {place.rpartition('/')[2]}", reason, {"factory": place}))
    raise ImporterError("PICKLE_CLASS_MISSING", cause, remedy, "load", guesses=guesses)


def _shapes(file_kind: FileKind) -> dict[str, tuple[int, ...]]:
    return {name: tuple(info.shape) for name, info in file_kind.tensors.items()}


def _taken(guess: Guess, inputs_known: bool) -> str:
    """A guess in words, for a reader without buttons. Without the inputs the next call would ask for them."""
    inputs = "" if inputs_known or "inputs" in guess.options else f"{_INPUTS_TOO} "
    return f"{guess.reason} {inputs}{guess.settings()}"


def _later(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def named(file_kind: FileKind) -> str:
    """The classes and functions that a pickle names; plain containers left out, torch's layers counted beside
    others."""
    names = [name for name in file_kind.globals if name not in _PLAIN]
    layers = [name for name in names if _LAYER.fullmatch(name)]
    told = [name for name in names if name not in layers]
    if not told:
        told, layers = layers, []
    words = told[:_MOST_TOLD]
    words += [f"{len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    words += [f"{len(layers)} of torch's layers"] if layers else []
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or "no class of its own"
