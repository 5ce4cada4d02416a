"""Exports a program again after its graph was changed, with the ranges that it had. Imports torch."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from importer.exporting.torch_export import export_afresh
from importer.inputs.made_up import make_tensor
from importer.inputs.samples import inputs_of, with_tensors
from importer.model import Arguments, Method


def program_module(method: Method) -> torch.fx.GraphModule:
    """A copy of the program as a module; the original stays as it is for the comparison."""
    return copy.deepcopy(method.program).module(check_guards=False)


def replace_by_module(
    module: torch.fx.GraphModule,
    node: torch.fx.Node,
    name: str,
    inner: nn.Module,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any] | None = None,
) -> None:
    """Let a graph call a module, which gets this name in it, in place of a node."""
    module.add_submodule(name, inner)
    with module.graph.inserting_before(node):
        call = module.graph.call_module(name, arguments, keywords)
        call.meta = dict(node.meta)
    node.replace_all_uses_with(call)
    module.graph.erase_node(node)


def attribute(module: nn.Module, path: str) -> torch.Tensor:
    """The parameter, buffer or constant that a `get_attr` node names."""
    value = module
    for part in path.split("."):
        value = getattr(value, part)
    assert isinstance(value, torch.Tensor)
    return value


def constant(module: nn.Module, node: Any) -> torch.Tensor | None:
    """The value of a parameter, buffer or constant that a node gives; None for anything else."""
    return attribute(module, node.target).detach() if node is not None and node.op == "get_attr" else None


def export_again(module: nn.Module, method: Method) -> ExportedProgram:
    """Export with the same ranges as the first time."""
    positional, keyword = _at_maximum(method) if convolves(method) else method.example
    return export_afresh(module, positional, keyword, _shapes(method, module))


def widen(method: Method) -> ExportedProgram:
    """The program with ranges that lowering cannot narrow.

    torch chooses how to convolve by the batch of the example: an example of 8 puts "less than 16" into the range while
    the program is lowered, and the runtime then refuses a batch of 16 that the range allows.
    """
    if not varies(method) or not convolves(method):
        return method.program
    try:
        return export_again(program_module(method), method)
    except Exception:  # sizes that depend on each other; the proof runs the upper bound and says if it does not hold
        return method.program


def varies(method: Method) -> bool:
    return any(dimension.is_dynamic for spec in method.inputs for dimension in spec.dimensions)


def convolves(method: Method) -> bool:
    return any("conv" in str(node.target) for node in method.program.graph.nodes)


def _at_maximum(method: Method) -> Arguments:
    """The example with every dynamic size at its upper end, which no guard on the example can exclude."""
    values = [
        make_tensor(spec, [dimension.maximum for dimension in spec.dimensions])
        if any(dimension.is_dynamic for dimension in spec.dimensions)
        else value
        for spec, value in zip(method.inputs, inputs_of(method.example), strict=True)
    ]
    return with_tensors(method.example, values)


def _shapes(method: Method, module: nn.Module) -> Any:
    from torch.export import Dim

    values = {node.name: node.meta.get("val") for node in method.program.graph.nodes if node.op == "placeholder"}
    dims: dict[str, Any] = {}
    shapes: list[Any] = []
    # One more than asked for: "not less than 16" must leave more than the one size 16.
    spare = 1 if convolves(method) else 0
    for name, spec in zip(method.program.graph_signature.user_inputs, method.inputs, strict=True):
        axes = {}
        for axis, dimension in enumerate(spec.dimensions):
            if dimension.is_dynamic:
                # The same symbol of the first export is the same size again.
                symbol = str(values[name].shape[axis])
                key = symbol if symbol.isidentifier() else f"{name}_{axis}"
                axes[axis] = dims.setdefault(key, Dim(f"d_{key}", min=dimension.minimum, max=dimension.maximum + spare))
        shapes.append(axes or None)
    if not dims:
        return None
    # Inputs may lie in tuples and dictionaries.
    structure = torch.utils._pytree.tree_structure(method.example)
    positional, keywords = torch.utils._pytree.tree_unflatten(shapes, structure)
    if _takes_anything(module):
        named = {"arguments": positional} if positional else {}
        return {**named, **({"keywords": keywords} if keywords else {})}
    return (*positional, *keywords.values())


def _takes_anything(module: nn.Module) -> bool:
    """Whether forward is `forward(*arguments, **keywords)`."""
    kinds = [item.kind for item in inspect.signature(module.forward).parameters.values()]
    return kinds == [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]
