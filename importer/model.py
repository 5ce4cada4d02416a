"""What loading makes of a file, and what exporting makes of that. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.export import ExportedProgram

from importer.signature import TensorSpec

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments of one call."""


@dataclass
class SourceMethod:
    """A method before export: an eager module, or a program that was exported before.

    example: arguments of one call. declared: what the option `inputs` says of it, else nothing.
    dynamic_shapes: as torch.export takes them, when the source says so itself.
    """

    name: str
    module: torch.nn.Module | None
    program: ExportedProgram | None = None
    example: Arguments = ((), {})
    declared: list[TensorSpec] = field(default_factory=list)
    dynamic_shapes: Any = None


@dataclass
class Source:
    """A loaded file. eager modules are in eval mode, on the CPU, without gradients."""

    methods: list[SourceMethod]
    constant_methods: dict[str, Any] = field(default_factory=dict)
    calibration: Callable[[], Any] | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Method:
    """An exported method: its program, the names and ranges of what goes in and out, and the eager original.

    bounds: for integer inputs, the values (from, to) that a random input may have.
    """

    name: str
    program: ExportedProgram
    eager: torch.nn.Module
    example: Arguments
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    bounds: list[tuple[int, int]] = field(default_factory=list)
