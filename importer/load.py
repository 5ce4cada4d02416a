"""A file of any kind as eager modules or exported programs, safely. Importing this module imports torch."""

from __future__ import annotations

import pickle
import traceback
import zipfile
from pathlib import Path
from typing import Any

import torch

from importer import examples
from importer.errors import ImporterError
from importer.factory import Factory
from importer.model import Source, SourceMethod
from importer.options import ImportOptions
from importer.pt2_scan import check_archive
from importer.refusal import named, pickle_needs_permission, state_dict_needs_factory
from importer.signature import TensorSpec, parse_inputs
from importer.sniff import Sniffed
from importer.state_dict import load_into

# TorchScript code that reads or writes files when it runs.
_SCRIPT_REACHES_OUT = (b"torch.save(", b"torch.from_file(", b"ops.aten.save", b"ops.aten.from_file", b"aten.from_file")


def load(path: Path, sniffed: Sniffed, options: ImportOptions, project: Path | None, allow_pickle: bool) -> Source:
    """Load a file. Code inside of it does not run, except a pickled module's when `allow_pickle` says so."""
    factory = Factory(options, project) if options.factory.strip() else None
    declared = parse_inputs(options.inputs)
    if sniffed.kind == "exported_program":
        source = _exported(path, declared)
    elif sniffed.kind == "torchscript":
        source = _module_source(_torchscript(path), factory, declared)
    elif sniffed.kind == "module":
        source = _module_source(_pickled_module(path, sniffed, allow_pickle), factory, declared)
    else:
        source = _from_state_dict(path, sniffed, factory, declared)
    if factory and factory.has("calibration"):
        source.calibration = factory.calibration
    return source


def _exported(path: Path, declared: list[TensorSpec]) -> Source:
    check_archive(path)
    from torch.export.pt2_archive._package import load_pt2

    try:
        programs = load_pt2(str(path)).exported_programs
        if not programs:
            programs = {"model": torch.export.load(path)}
    except Exception as error:
        cause = f"torch {torch.__version__} cannot open the exported program {path.name}: {_last_line(error)}."
        remedy = "Export it again with this version of torch."
        raise ImporterError("EXPORTED_PROGRAM_UNREADABLE", cause, remedy, "load", traceback.format_exc()) from error
    methods = []
    for name, program in sorted(programs.items()):
        method = "forward" if len(programs) == 1 or name == "model" else name
        example: Any = program.example_inputs or ((), {})
        only_one = declared if len(programs) == 1 else []
        methods.append(SourceMethod(method, None, program, (tuple(example[0]), dict(example[1])), only_one))
    return Source(methods)


def _torchscript(path: Path) -> torch.nn.Module:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if "/code/" in name and name.endswith(".py"):
                code = archive.read(name)
                found = [word.decode() for word in _SCRIPT_REACHES_OUT if word in code]
                if found:
                    cause = f"{path.name} reads or writes files when it runs: {found[0]}...) in {name}."
                    remedy = "Use files from people you trust only; script the model again without it."
                    raise ImporterError("ARCHIVE_RUNS_CODE", cause, remedy, "load")
    try:
        # Checkpoints saved on a GPU name that device.
        return torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-any-return, no-untyped-call]
    except Exception as error:
        cause = f"torch {torch.__version__} cannot open the TorchScript archive {path.name}: {_last_line(error)}."
        remedy = "It may need operators of a package that is not here; script it again without them."
        raise ImporterError("TORCHSCRIPT_UNREADABLE", cause, remedy, "load", traceback.format_exc()) from error


def _pickled_module(path: Path, sniffed: Sniffed, allow_pickle: bool) -> torch.nn.Module:
    if not allow_pickle:
        raise pickle_needs_permission(path, sniffed)
    try:
        module = torch.load(path, map_location="cpu", weights_only=False)
    except (AttributeError, ImportError, ModuleNotFoundError) as error:
        cause = f"{path.name} needs classes that cannot be imported here: {error}. It names {named(sniffed)}."
        remedy = "Use its state_dict() with a factory in the project instead."
        raise ImporterError("PICKLE_CLASS_MISSING", cause, remedy, "load", traceback.format_exc()) from error
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError, TypeError, KeyError) as error:
        cause = f"{path.name} cannot be loaded: {_last_line(error)}."
        raise ImporterError("FILE_DAMAGED", cause, "Save it again.", "load", traceback.format_exc()) from error
    if not isinstance(module, torch.nn.Module):
        cause = f"{path.name} holds {type(module).__name__}, not a torch.nn.Module."
        raise ImporterError("NO_MODEL_INSIDE", cause, "Save the model itself, with torch.export.save.", "load")
    return module


def _from_state_dict(path: Path, sniffed: Sniffed, factory: Factory | None, declared: list[TensorSpec]) -> Source:
    if factory is None:
        raise state_dict_needs_factory(path, sniffed)
    model = factory.build()
    notes = load_into(model, path, sniffed)
    source = _module_source(model, factory, declared)
    source.notes = notes + source.notes
    return source


def _module_source(module: torch.nn.Module, factory: Factory | None, declared: list[TensorSpec]) -> Source:
    # Batch norm in training mode cannot be lowered, and parameters with gradients cannot be written to.
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    source = Source([])
    if factory and factory.has("constant_methods"):
        source.constant_methods = dict(factory.value("constant_methods", module) or {})
    if factory and factory.has("methods"):
        for name, (part, example) in factory.value("methods", module).items():
            source.methods.append(SourceMethod(name, part.eval(), None, examples.as_arguments(example)))
        return source
    _takes_tensors_only(module)
    own = factory.value("example_inputs") if factory and factory.has("example_inputs") else None
    shapes: Any = factory.value("dynamic_shapes") if factory and factory.has("dynamic_shapes") else None
    example = examples.as_arguments(own) if own is not None else None
    if declared:
        example = examples.from_specs(module, declared, example)
    elif example is None:
        raise examples.needed(module)
    source.methods.append(SourceMethod("forward", module, None, example, declared, shapes))
    return source


def _takes_tensors_only(module: torch.nn.Module) -> None:
    """TorchScript declares its types; an argument that is no tensor could not be given by a program."""
    if not isinstance(module, torch.jit.ScriptModule):
        return
    for argument in module._c._get_method("forward").schema.arguments[1:]:
        if not argument.has_default_value() and str(argument.type) != "Tensor":
            cause = f"The TorchScript module's input '{argument.name}' is {argument.type}, no tensor."
            remedy = "Choose an inner module that takes tensors: a factory with methods(model) names it."
            raise ImporterError("INPUT_NOT_A_TENSOR", cause, remedy, "load")


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300].rstrip(".")
