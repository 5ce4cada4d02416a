"""A module of a person's own script as an exported program."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from importer.errors import ImporterError
from importer.exporting.torch_export import ONE_AT_A_TIME, export_module
from importer.inputs import examples, nested
from importer.inputs.arguments import as_arguments, parameter_names
from importer.inputs.samples import inputs_of
from importer.model import SourceMethod
from importer.signature import Dimension, TensorSpec, format_inputs, parse_inputs

_PLACE = re.compile(r'File "(?:[^"\n]*[/\\])?([^"/\\\n]*)", line \d+')


def exported(model: Any, example_inputs: Any, dynamic_shapes: Any) -> ExportedProgram:
    """A module in eval mode, exported; it keeps its mode. An ExportedProgram stays as it is.

    Raises OPTION_INVALID, INPUTS_NEEDED and the errors of the export.
    """
    if isinstance(model, ExportedProgram):
        if example_inputs is not None or dynamic_shapes is not None:
            cause = "An ExportedProgram has its own inputs and ranges."
            raise ImporterError("OPTION_INVALID", cause, "Leave out example_inputs and dynamic_shapes.", "read")
        return model
    if not isinstance(model, torch.nn.Module):
        cause = f"`convert` takes a module, an ExportedProgram, a path or a function; got {type(model).__name__}."
        raise ImporterError("OPTION_INVALID", cause, "Give one of these.", "read")
    if example_inputs is None:
        error = examples.needed(model)
        names = ", ".join(guess["options"]["inputs"] for guess in error.guesses[:1]) or "x: float32[1,3,224,224]"
        raise ImporterError(
            error.code, error.cause, f"Give example_inputs: a tensor, or a text such as '{names}'.", "load"
        )
    with ONE_AT_A_TIME:  # another thread may convert the same model, whose mode changes meanwhile
        states = [(module, module.training) for module in model.modules()]
        try:
            model.eval()
            with _without_log("torch._subclasses.fake_tensor"):  # the error says it better
                return export_module(model, method_of(model, example_inputs), dynamic_shapes)
        finally:
            for module, was_training in states:
                module.training = was_training


@contextlib.contextmanager
def _without_log(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    was_disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was_disabled


def save(program: ExportedProgram, path: Path) -> None:
    """Write an exported program: the same bytes in every process and folder, so that the metadata that names their hash
    can be committed. Where torch made a node from has the address of a graph; its stack trace has folders, and lines
    that move."""
    nodes = [
        node for module in program.graph_module.modules() if isinstance(module, torch.fx.GraphModule)
        for node in module.graph.nodes
    ]  # fmt: skip
    kept = [{key: node.meta[key] for key in ("from_node", "stack_trace") if key in node.meta} for node in nodes]
    for node in nodes:
        node.meta.pop("from_node", None)
        if trace := node.meta.get("stack_trace"):
            node.meta["stack_trace"] = _PLACE.sub(r'File "\1"', trace)
    try:
        torch.export.save(program, path)
    finally:
        for node, found in zip(nodes, kept, strict=True):
            node.meta.update(found)


def shapes_as_text(value: Any) -> Any:
    """A torch.Size, or a sequence or dictionary of them, as a text of float32 inputs; everything else as it is."""
    sizes = [value] if isinstance(value, torch.Size) else value
    named = sizes if isinstance(sizes, dict) else {}
    sizes = list(named.values()) if named else sizes
    if not isinstance(sizes, (tuple, list)) or not sizes or not all(isinstance(size, torch.Size) for size in sizes):
        return value
    texts = [f"float32[{','.join(map(str, size))}]" for size in sizes]
    return "; ".join(f"{name}: {text}" for name, text in zip(named, texts, strict=True)) if named else "; ".join(texts)


def inputs_of_script(script: torch.jit.ScriptModule, example_inputs: Any, dynamic_shapes: Any) -> str:
    """The option `inputs` for a TorchScript, which is converted as its file is. Raises OPTION_INVALID."""
    if dynamic_shapes is not None:
        remedy = "Leave out dynamic_shapes, and write the ranges as in example_inputs='x: float32[N:1..64,8]'."
        raise ImporterError("OPTION_INVALID", "A TorchScript has its ranges in a text.", remedy, "read")
    example_inputs = shapes_as_text(example_inputs)
    if example_inputs is None or isinstance(example_inputs, str):
        return example_inputs or ""
    call = as_arguments(example_inputs, script)
    names = nested.leaf_names(call, parameter_names(script))
    return format_inputs(
        [
            TensorSpec(
                name, str(value.dtype).removeprefix("torch."), tuple(Dimension(size, size) for size in value.shape)
            )
            for name, value in zip(names, inputs_of(call), strict=True)
        ]
    )


def method_of(model: torch.nn.Module, example_inputs: Any) -> SourceMethod:
    """`forward` with the arguments of one call, of which a text declares names, dtypes, shapes and ranges."""
    example_inputs = shapes_as_text(example_inputs)
    if isinstance(example_inputs, str):
        call = examples.from_specs(model, parse_inputs(example_inputs))
        return SourceMethod("forward", model, example=call.example, declared=call.declared)
    return SourceMethod("forward", model, example=as_arguments(example_inputs, model))
