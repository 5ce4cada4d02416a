"""Programs whose tensors lie in another order than a game's arrays, channels_last above all: exported again row-major.

XNNPACK and the portable kernels refuse such programs or compute nonsense with them. Imports torch.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import torch
from torch.export import ExportedProgram

from importer.exporting.reexport import export_again, program_module
from importer.inputs.samples import inputs_of, with_tensors
from importer.model import Method

_KEEPS = (torch.contiguous_format, torch.preserve_format, None)


def row_major(method: Method) -> Method:
    """The method with row-major inputs, weights and results of operators; itself when it has nothing else."""
    if not _has_other_order(method):
        return method
    tensors = [_in_rows(value) for value in inputs_of(method.example)]
    changed = replace(method, example=with_tensors(method.example, tensors))
    module = program_module(changed)
    with torch.no_grad():
        for value in [*module.parameters(), *module.buffers()]:
            value.data = _in_rows(value.data)
    for node in module.graph.nodes:
        if node.kwargs.get("memory_format") not in _KEEPS:
            node.kwargs = {**node.kwargs, "memory_format": torch.contiguous_format}
        elif len(node.args) > 1 and isinstance(node.args[-1], torch.memory_format) and node.args[-1] not in _KEEPS:
            node.args = (*node.args[:-1], torch.contiguous_format)
    module.recompile()
    changed.program = export_again(module, changed)
    return changed


def _has_other_order(method: Method) -> bool:
    state: list[Any] = [*method.program.state_dict.values(), *method.program.constants.values()]
    tensors = [value for value in state if isinstance(value, torch.Tensor)] + inputs_of(method.example)
    return any(not _is_in_rows(value) for value in tensors) or _names_other_order(method.program)


def _names_other_order(program: ExportedProgram) -> bool:
    for node in program.graph.nodes:
        values = [node.kwargs.get("memory_format"), *node.args]
        if any(isinstance(value, torch.memory_format) and value not in _KEEPS for value in values):
            return True
    return any(
        isinstance(value := node.meta.get("val"), torch.Tensor) and not _is_in_rows(value)
        for node in program.graph.nodes
        if node.op == "placeholder"
    )


def _in_rows(value: torch.Tensor) -> torch.Tensor:
    return value if _is_in_rows(value) else value.clone(memory_format=torch.contiguous_format)


def _is_in_rows(value: torch.Tensor) -> bool:
    """Whether no stride is smaller than the next. ExecuTorch reads the order from the strides, also from that of an
    axis with one entry, which torch's `is_contiguous()` and `contiguous()` ignore."""
    strides = value.stride()
    return value.is_contiguous() and all(
        stride >= after
        for stride, after in itertools.pairwise(strides)
        if isinstance(stride, int) and isinstance(after, int)
    )
