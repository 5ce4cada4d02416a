"""The data of a loaded file and of its exported methods. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.export import ExportedProgram

from importer.signature import TensorSpec

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments of one call."""

Bounds = tuple[tuple[int, int], ...]
"""The integers (from, to) that a random input may have: the first input takes the first range, and so on, in turns."""


@dataclass
class SourceMethod:
    """A method before export: an eager module, or a program that was exported before.

    example: arguments of one call. example_is_made_up: its values were generated. declared: what the option `inputs`
    says of it, else nothing. dynamic_shapes: as torch.export takes them, when the source says so itself. input_names,
    output_names: those of the file, where forward takes `*arguments`. reference: what the program is compared with
    instead of the module, and its name. otherwise: makes the method with fixed sizes, for one whose sizes were made to
    vary and cannot. is_optional: it is left out with a note when it cannot be converted.
    """

    name: str
    module: torch.nn.Module | None
    program: ExportedProgram | None = None
    example: Arguments = ((), {})
    declared: list[TensorSpec] = field(default_factory=list)
    dynamic_shapes: Any = None
    example_is_made_up: bool = False
    input_names: list[str] = field(default_factory=list)
    output_names: list[str] = field(default_factory=list)
    reference: torch.nn.Module | None = None
    reference_name: str = ""
    otherwise: Callable[[], SourceMethod] | None = None
    is_optional: bool = False


@dataclass
class Source:
    """A loaded file. eager modules are in eval mode, on the CPU, without gradients. evaluation: labelled
    batches of the factory. task: the task card that the file itself describes."""

    methods: list[SourceMethod]
    constant_methods: dict[str, Any] = field(default_factory=dict)
    calibration: Callable[[], Any] | None = None
    evaluation: Callable[[], Any] | None = None
    notes: list[str] = field(default_factory=list)
    task: dict[str, Any] | None = None


@dataclass
class Method:
    """An exported method: its program, the names and ranges of what goes in and out, and the eager original.

    bounds: of each input; those of integers count. reference: what stands in for eager
    PyTorch in the comparison; empty for PyTorch itself. values: returns the last outputs, those that the original does
    not return; nothing when it returns all. graph_names: the values inside of the first exported graph, with the index
    of the output that they are, or -1.
    """

    name: str
    program: ExportedProgram
    eager: torch.nn.Module
    example: Arguments
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    bounds: list[Bounds] = field(default_factory=list)
    example_is_made_up: bool = False
    reference: str = ""
    is_optional: bool = False
    values: torch.nn.Module | None = None
    graph_names: dict[str, int] = field(default_factory=dict)


def left_out_note(name: str, reason: str) -> str:
    """What a person should know of a method that the program does not have."""
    return f"Left out: the method '{name}'. {reason}"
