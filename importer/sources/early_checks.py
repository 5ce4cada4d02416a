"""The checks that need no torch, whose start takes seconds. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from importer.errors import ImporterError
from importer.inputs.first_layer import inputs_needed
from importer.options import ImportOptions, split_factory
from importer.paths import resolve
from importer.sources.architecture.guess import assigned_names, guess_factories, inputs_of, parse_python
from importer.sources.architecture.layer_shapes import definitions
from importer.sources.archive_check import check_archive
from importer.sources.file_kind import FileKind, recognise
from importer.sources.onnx.file.graph_checks import check_model
from importer.sources.onnx.file.model_file import read_model
from importer.sources.script_signature import script_inputs


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
        raise pickle_needs_permission(source, file_kind, bool(options.inputs.strip() or options.factory.strip()))
    elif file_kind.kind in ("state_dict", "checkpoint", "safetensors") and not options.factory.strip():
        raise state_dict_needs_factory(source, file_kind, project, python_files, bool(options.inputs.strip()))
    elif options.inputs.strip():
        return
    elif options.factory.strip():
        _factory_knows_inputs(file_kind, options, project)
    elif file_kind.kind == "torchscript" and (taken := script_inputs(source)):
        raise inputs_needed(taken.names, taken.guess)


def reads_weights_of_module(file_kind: FileKind, options: ImportOptions) -> bool:
    """Whether a pickled module's weights go into a factory's model, which needs no permission."""
    return file_kind.kind == "module" and bool(file_kind.state_dicts) and bool(options.factory.strip())


def check_options(options: ImportOptions, project: Path | None) -> None:
    """Raises OPTION_INVALID for the options that are wrong: all of them."""
    if problems := options.check(project):
        causes = [f"Option '{problem.option}': {problem.cause}" for problem in problems]
        remedies = list(dict.fromkeys(problem.remedy for problem in problems))
        raise ImporterError("OPTION_INVALID", " ".join(causes), " ".join(remedies), "read")


def _factory_knows_inputs(file_kind: FileKind, options: ImportOptions, project: Path | None) -> None:
    """Raises INPUTS_NEEDED when the factory's file surely has neither example_inputs() nor methods()."""
    text, name = split_factory(options.factory)
    tree = parse_python(resolve(text, project, "factory"))
    if tree is None or assigned_names(tree) is None or {"example_inputs", "methods"} & (assigned_names(tree) or set()):
        return
    known = definitions(tree)
    shapes = {name: tuple(info.shape) for name, info in file_kind.tensors.items()}
    taken = inputs_of(known[name], known, shapes) if name in known else None
    # Else torch guesses better: it has the model, and can run it with several inputs.
    if taken is not None and bool(taken[1]) == (len(taken[0]) == 1):
        raise inputs_needed(*taken, factory=resolve(text, project, "factory").name)


def pickle_needs_permission(path: Path, file_kind: FileKind, inputs_known: bool = True) -> ImporterError:
    cause = f"{path.name} is a pickled module; loading it runs code. It names {named(file_kind)}."
    remedy = "Save it with torch.export.save, or allow this file in the inspector if you trust where it is from."
    if file_kind.state_dicts:
        remedy = (
            f"Name its class in the option 'factory' (then only its weights are read), {remedy[0].lower()}{remedy[1:]}"
        )
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
    layers = ", ".join(f"{name} {list(info.shape)}" for name, info in list(file_kind.tensors.items())[:4])
    what = "a training checkpoint" if file_kind.kind == "checkpoint" else "a state dict"
    cause = f"{path.name} is {what}: it has {len(file_kind.tensors)} tensors ({layers}, ...) but no architecture."
    shapes = {name: tuple(info.shape) for name, info in file_kind.tensors.items()}
    guesses = guess_factories(path, project, shapes, python_files)
    remedy = "Name the Python class or function that builds the model in the option 'factory': res://models/net.py:Net."
    if guesses:
        settings = [f"the option '{name}' to {value}" for name, value in guesses[0].options.items()]
        remedy = f"{guesses[0].reason} Set {' and '.join(settings)}."
    elif not inputs_known:
        remedy += " Its inputs are needed too: the option 'inputs', or a function example_inputs() in the same file."
    return ImporterError("STATE_DICT_NEEDS_FACTORY", cause, remedy, "load", guesses=guesses)


def named(file_kind: FileKind) -> str:
    """The classes that a pickle names."""
    more = f" and {len(file_kind.globals) - 10} more" if len(file_kind.globals) > 10 else ""
    return ", ".join(file_kind.globals[:10]) + more
