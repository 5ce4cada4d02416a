"""A file of any kind as eager modules or exported programs, safely. Importing this module imports torch."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from importer.errors import ImporterError, broken_package
from importer.inputs import examples
from importer.inputs.arguments import as_arguments, without_wrappers
from importer.model import Source, SourceMethod
from importer.options import ImportOptions
from importer.signature import TensorSpec, parse_inputs
from importer.sources.checked_copy.program_copy import copy_of_program, copy_of_script
from importer.sources.early_checks import (
    named,
    pickle_needs_permission,
    reads_weights_of_module,
    state_dict_needs_factory,
)
from importer.sources.factory import Factory
from importer.sources.file_kind import FileKind
from importer.sources.modules_inside import one_module
from importer.sources.script_methods import refuse_other_values, script_methods
from importer.sources.state_dict import load_into
from importer.task_card.schema import Wrong, check


def load(
    path: Path, file_kind: FileKind, options: ImportOptions, project: Path | None, allow_pickle: bool, folder: Path
) -> Source:
    """Load a file. Code inside of it does not run, except a pickled module's when `allow_pickle` says so.

    folder: where a checked copy of an archive lies while torch reads it; it needs the file's size.
    """
    factory = Factory(options, project) if options.factory.strip() else None
    declared = parse_inputs(options.inputs)
    if file_kind.kind != "onnx" and any(spec.value is not None for spec in declared):
        cause = "The option 'inputs' fixes an input to a value, which is possible for ONNX files only."
        raise ImporterError("OPTION_INVALID", cause, "Leave `= value` out.", "read")
    if file_kind.kind == "exported_program":
        source = _exported(path, file_kind, declared, folder)
    elif file_kind.kind == "torchscript":
        source = _module_source(_torchscript(path, folder), factory, declared)
    elif file_kind.kind == "module" and not _takes_weights(file_kind, options, factory, allow_pickle):
        module = _pickled_module(path, file_kind, factory, allow_pickle, options.weights)
        source = _module_source(module, factory, declared)
    elif file_kind.kind == "onnx":
        from importer.sources.onnx.load import load_onnx

        source = load_onnx(path, declared)
    else:
        source = _from_state_dict(path, file_kind, factory, declared, project, options.weights)
    if factory and factory.has("calibration"):
        source.calibration = factory.calibration
    if factory and factory.has("evaluation"):
        source.evaluation = factory.evaluation
    return source


def _takes_weights(file_kind: FileKind, options: ImportOptions, factory: Factory | None, allow_pickle: bool) -> bool:
    """Whether only the weights of a pickled module are read. The pickle itself only when a person allows it, and the
    factory's file is named for the pickle's classes or has nothing that builds a model, such as example_inputs() alone.
    """
    if factory is None or not reads_weights_of_module(file_kind, options):
        return False
    classes = [factory.class_for(*name.rpartition(".")[::2]) for name in file_kind.globals]
    return not allow_pickle or (factory.can_build() and not any(classes))


def _exported(path: Path, file_kind: FileKind, declared: list[TensorSpec], folder: Path) -> Source:
    from torch.export.pt2_archive._package import load_pt2

    remedy = "Export it again with this version of torch."
    with (
        _opened_by_torch("EXPORTED_PROGRAM_UNREADABLE", f"the exported program {path.name}", remedy),
        copy_of_program(path, folder) as copy,
    ):
        # The second is the form until torch 2.7.
        programs = {"model": torch.export.load(copy)} if file_kind.legacy else load_pt2(str(copy)).exported_programs
    methods = []
    for name, program in sorted(programs.items()):
        method = "forward" if len(programs) == 1 or name == "model" else name
        example: Any = program.example_inputs or ((), {})
        only_one = declared if len(programs) == 1 else []
        methods.append(SourceMethod(method, None, program, (tuple(example[0]), dict(example[1])), only_one))
    return Source(methods)


def _torchscript(path: Path, folder: Path) -> torch.nn.Module:
    remedy = "It may need operators of a package that is not installed; script it again without them."
    with (
        _opened_by_torch("TORCHSCRIPT_UNREADABLE", f"the TorchScript archive {path.name}", remedy),
        copy_of_script(path, folder) as copy,
    ):
        # Checkpoints saved on a GPU name that device.
        script = torch.jit.load(str(copy), map_location="cpu")  # type: ignore[no-untyped-call]
        _onto_cpu(script)
        _write_into_buffers(script)
        return script  # type: ignore[no-any-return]


@contextmanager
def _opened_by_torch(code: str, what: str, remedy: str) -> Iterator[None]:
    """Raises an ImporterError with this code for what torch raises when it cannot open a file."""
    try:
        yield
    except (ImporterError, OSError, MemoryError):
        raise
    except Exception as error:
        if broken := broken_package(error, "load"):
            raise broken from error
        cause = f"torch {torch.__version__} cannot open {what}: {_last_line(error)}."
        raise ImporterError(code, cause, remedy, "load", traceback.format_exc()) from error


def _onto_cpu(script: torch.jit.ScriptModule) -> None:
    """Let a script that names a GPU in its code name the CPU: map_location moves its tensors only."""
    holder = torch.jit.trace(lambda: torch.ones([]).to(torch.device("cpu")), example_inputs=[])  # type: ignore[no-untyped-call]
    nodes = holder.graph.findAllNodes("prim::Constant")
    (cpu,) = [node for node in nodes if "Device" in repr(node)][-1:]
    for module in script.modules():
        code: Any = module._c
        for function in [code._get_method(name) for name in code._method_names()]:
            for node in function.graph.findAllNodes("prim::Constant"):
                if "value" in node.attributeNames() and node.output().type().kind() == "DeviceObjType":
                    node.copyAttributes(cpu)


def _write_into_buffers(script: torch.jit.ScriptModule) -> None:
    """Let `self.hidden = h` write into the buffer as `self.hidden[:] = h` does: a trace does not see the former."""
    modules: list[Any] = list(script.modules())
    buffers = {str(module._c._type()): {name for name, _ in module.named_buffers(recurse=False)} for module in modules}
    for module in modules:
        for graph in [module._c._get_method(name).graph for name in module._c._method_names()]:
            for node in graph.findAllNodes("prim::SetAttr"):
                owner, value = node.inputs()
                if node.s("name") in buffers.get(str(owner.type()), ()) and str(value.type()) == "Tensor":
                    _replace_by_copy(graph, node, owner, value)


def _replace_by_copy(graph: Any, node: Any, owner: Any, value: Any) -> None:
    buffer = graph.create("prim::GetAttr", [owner], 1)
    buffer.s_("name", node.s("name"))
    buffer.output().setType(value.type())
    waits = graph.create("prim::Constant", [], 1)
    waits.i_("value", 0)
    waits.output().setType(torch._C.BoolType.get())
    copy = graph.create("aten::copy_", [buffer.output(), value, waits.output()], 1)
    copy.output().setType(value.type())
    for made in (buffer, waits, copy):
        made.insertBefore(node)
    node.destroy()


def _pickled_module(
    path: Path, file_kind: FileKind, factory: Factory | None, allow_pickle: bool, weights: str
) -> torch.nn.Module:
    if not allow_pickle:
        raise pickle_needs_permission(path, file_kind)
    try:
        module = torch.load(path, map_location="cpu", weights_only=False, pickle_module=_pickles(factory))
    except (AttributeError, ImportError, ModuleNotFoundError) as error:
        cause = f"{path.name} needs classes that cannot be imported here: {error}. It names {named(file_kind)}."
        remedy = "Put the file of its classes into the project and name it in the option 'factory', as in res://net.py."
        raise ImporterError("PICKLE_CLASS_MISSING", cause, remedy, "load", traceback.format_exc()) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # torch raises many kinds for what is broken
        cause = f"{path.name} cannot be loaded: {_last_line(error)}."
        raise ImporterError("FILE_DAMAGED", cause, "Save it again.", "load", traceback.format_exc()) from error
    if isinstance(module, (dict, list, tuple)):
        module = one_module(path, module, weights)
    if not isinstance(module, torch.nn.Module):
        cause = f"{path.name} holds {type(module).__name__}, not a torch.nn.Module."
        raise ImporterError("NO_MODEL_INSIDE", cause, "Save the model itself, with torch.export.save.", "load")
    return module


def _pickles(factory: Factory | None) -> ModuleType:
    """Python's pickle, which looks for classes that it cannot import in the factory's file."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module_name: str, global_name: str, /) -> Any:
            try:
                return super().find_class(module_name, global_name)
            except (AttributeError, ImportError):
                found = factory.class_for(module_name, global_name) if factory else None
                if found is None:
                    raise
                return found

    module = ModuleType("pickle")
    module.__dict__.update(vars(pickle), Unpickler=Unpickler)
    return module


def _from_state_dict(
    path: Path,
    file_kind: FileKind,
    factory: Factory | None,
    declared: list[TensorSpec],
    project: Path | None,
    weights: str,
) -> Source:
    if factory is None:
        raise state_dict_needs_factory(path, file_kind, project)
    model = factory.build()
    notes = load_into(model, path, file_kind, weights)
    source = _module_source(model, factory, declared)
    source.notes = notes + source.notes
    return source


def _module_source(module: torch.nn.Module, factory: Factory | None, declared: list[TensorSpec]) -> Source:
    # Batch norm in training mode cannot be lowered, and what has gradients cannot be written to: parameters, and the
    # state of a module that ran before it was saved.
    module = without_wrappers(module).eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    for buffer in module.buffers():
        if buffer.requires_grad:
            buffer.detach_()
    source = Source([])
    if factory and (task := factory.dictionary("task")) is not None:
        source.task = _checked_task(task, factory.path.name)
    if factory and factory.has("constant_methods"):
        source.constant_methods = _constants(factory.value("constant_methods", module))
    if factory and factory.has("methods"):
        for name, pair in _methods(factory.value("methods", module)).items():
            owner = without_wrappers(pair[0]).eval()
            source.methods.append(SourceMethod(name, owner, None, as_arguments(pair[1], owner)))
        return source
    own = factory.value("example_inputs") if factory and factory.has("example_inputs") else None
    shapes: Any = factory.value("dynamic_shapes") if factory and factory.has("dynamic_shapes") else None
    example = as_arguments(own, module) if own is not None else None
    is_made_up = own is None
    if isinstance(module, torch.jit.ScriptModule):
        refuse_other_values(module)
        if example is None:
            source.methods, source.notes = script_methods(module, declared)
            source.methods[0].dynamic_shapes = shapes
            return source
    names: list[str] = []
    if declared:
        call = examples.from_specs(module, declared, example)
        example, declared, names = call.example, call.declared, call.names
    elif example is None:
        raise examples.needed(module, factory=factory.path.name if factory else "")
    method = SourceMethod("forward", module, None, example, declared, shapes, is_made_up, input_names=names)
    source.methods.append(method)
    return source


def _checked_task(given: dict[str, Any], file: str) -> dict[str, Any]:
    try:
        return check(given)
    except Wrong as wrong:
        cause = f"{file}: task: {wrong.name}: {wrong}."
        remedy = "Correct the dictionary 'task' of the factory (see docs/tasks.md of the addon), or remove it."
        raise ImporterError("TASK_CARD_INVALID", cause, remedy, "load") from wrong


def _constants(given: Any) -> dict[str, Any]:
    given = {} if given is None else given
    kinds = (bool, int, float, str, torch.Tensor)
    fits = isinstance(given, dict) and all(
        isinstance(name, str) and name not in ("", "forward") and _is_constant(value, kinds)
        for name, value in given.items()
    )
    if not fits:
        found = str(given) if isinstance(given, dict) else type(given).__name__
        cause = f"constant_methods() returned {found[:200]}; expected a dictionary of name: number, text or tensor."
        raise ImporterError("FACTORY_FAILED", cause, "Return it as in {'classes': 10, 'labels': 'cat,dog'}.", "load")
    return dict(given)


def _is_constant(value: Any, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, (list, tuple, dict)):
        return all(isinstance(item, kinds) for item in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, kinds)


def _methods(given: Any) -> dict[str, tuple[torch.nn.Module, Any]]:
    fits = bool(isinstance(given, dict) and given) and all(
        isinstance(name, str)
        and name
        and isinstance(pair, (tuple, list))
        and len(pair) == 2
        and isinstance(pair[0], torch.nn.Module)
        for name, pair in given.items()
    )
    if not fits:
        cause = f"methods() returned {type(given).__name__}; expected a dictionary of name: (module, example inputs)."
        raise ImporterError("FACTORY_FAILED", cause, "Return {'forward': (model, (torch.zeros(1, 8),))}.", "load")
    return dict(given)


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300].rstrip(".")
