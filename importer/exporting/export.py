"""Exports the methods of a source with torch.export, and finds the names and ranges of inputs and outputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import TensorArgument

from importer.errors import ImporterError
from importer.exporting.bounds import bounds_of, tried
from importer.exporting.chance import refuse_random_draws
from importer.exporting.python_state import answer, kept_attributes, python_state_error, python_state_note
from importer.exporting.rewrites.three_dimensions import rewrite_three_dimensions
from importer.exporting.row_major import row_major
from importer.exporting.shared_state import overlapping_state, refuse_shared_state
from importer.exporting.tensor_results import tensors_only
from importer.exporting.torch_export import export_module
from importer.exporting.torchscript import export_script
from importer.exporting.written import (
    copy_written_inputs,
    join_shared_memory,
    written_constants,
    written_parameters_as_buffers,
)
from importer.inputs import examples, nested
from importer.inputs.arguments import parameter_names
from importer.model import Method, Source, SourceMethod, left_out_note
from importer.signature import DTYPES, Dimension, TensorSpec

_LARGEST_RANGE = 1 << 31  # torch writes "no bound" as a number near 2**63


def export(source: Source, recurrent: str = "unroll") -> list[Method]:
    """The methods of a source, exported. Raises EXPORT_FAILED, EXPORT_DATA_DEPENDENT, DYNAMIC_DIMENSION_UNBOUNDED...

    recurrent: `kernel` or `scan` when recurrent layers may become kernels or loops, so that their steps can vary.
    """
    methods: list[Method] = []
    for method in source.methods:
        try:
            exported = _export_or_fixed(method, source, recurrent)
            refuse_random_draws(exported)
            exported = row_major(exported)
            exported.program = rewrite_three_dimensions(exported)
            refuse_shared_state([*methods, exported])
            exported.bounds = tried(exported)
        except ImporterError as error:
            if not method.is_optional:
                raise
            source.notes.append(left_out_note(method.name, error.cause))
        else:
            methods.append(exported)
    return methods


def _export_or_fixed(method: SourceMethod, source: Source, recurrent: str) -> Method:
    """The method; with fixed sizes where the importer chose sizes that vary and they cannot."""
    try:
        return _export(method, source, recurrent)
    except ImporterError as error:
        if method.otherwise is None:
            raise
        fixed = method.otherwise()
        source.notes.append(f"The batch is fixed to 1, because it cannot vary: {error.cause}")
        return _export(fixed, source, recurrent)


def _export(method: SourceMethod, source: Source, recurrent: str) -> Method:
    declared_anew = bool(method.program is not None and method.declared)
    program = method.program
    eager = method.module
    is_given = method.example[0] or method.example[1] or method.declared
    if program is not None and not is_given and input_names(program):
        raise examples.needed(program.module())
    if program is None or declared_anew:
        if program is not None:
            eager = program.module()
            known = nested.of_structure(program.call_spec.in_spec)
            names = nested.program_names(program.call_spec.in_spec, input_names(program))
            method.declared = examples.order_by_names(method.declared, names)
            method.example = examples.in_the_form_of(known, method.declared, names)
            method.example_is_made_up = True
        assert eager is not None
        if isinstance(eager, torch.jit.ScriptModule):
            program, note = export_script(eager, method, recurrent)
            source.notes.append(note)
        else:
            source.notes += filter(None, [python_state_note(method.name, eager, method.example)])
            with kept_attributes(eager):
                nested.register_structures((method.example, answer(eager, method.example)))
            with kept_attributes(eager):
                program = export_module(_for_export(eager, method, source, recurrent), method)
    copied = copy_written_inputs(program)
    if names := written_constants(program):
        raise python_state_error(method.name, ", ".join(f"'{name}'" for name in names))
    if overlapping := join_shared_memory(program):
        raise overlapping_state(method.name, *overlapping)
    if eager is None:
        eager = program.module()
    written_parameters_as_buffers(program)
    names, left_out = tensors_only(program)
    if left_out:
        source.notes.append(f"Left out results of '{method.name}' that are no tensors: {', '.join(left_out)}.")
    inputs = input_specs(program, method.declared)
    if isinstance(eager, torch.jit.ScriptModule):
        # A traced graph has names of its own.
        own = nested.leaf_names(method.example, parameter_names(eager))
        inputs = [replace(spec, name=name) for spec, name in zip(inputs, own, strict=True)]
    if method.input_names:
        inputs = [replace(spec, name=name) for spec, name in zip(inputs, method.input_names, strict=True)]
    shown = zip(input_names(program), inputs, strict=True)
    source.notes += [
        f"'{method.name}' writes into its input '{spec.name}': the program works on a copy of it."
        for name, spec in shown
        if name in copied
    ]
    return Method(
        method.name,
        program,
        method.reference or eager,
        method.example,
        inputs,
        output_specs(program, method.output_names or names),
        bounds_of(program, method.example, inputs),
        method.example_is_made_up,
        method.reference_name,
        method.is_optional,
    )


def _for_export(module: torch.nn.Module, method: SourceMethod, source: Source, recurrent: str) -> torch.nn.Module:
    varies = any(dimension.is_dynamic for spec in method.declared for dimension in spec.dimensions)
    if recurrent not in ("kernel", "scan") or not (varies or method.dynamic_shapes):
        return module
    from importer.exporting.recurrent import with_sequence_layers

    changed, rewritten = with_sequence_layers(module, recurrent == "kernel")
    source.notes += [note for note in [rewritten.note(method.name)] if note]
    return changed


def input_names(program: ExportedProgram) -> list[str]:
    return [str(name) for name in program.graph_signature.user_inputs]


def input_specs(program: ExportedProgram, declared: list[TensorSpec]) -> list[TensorSpec]:
    """Name, dtype and ranges of every input, from the program; the names of dimensions from the declaration."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    specs = []
    for spec in program.graph_signature.input_specs:
        if spec.kind.name != "USER_INPUT":
            continue
        name = spec.arg.name
        value = values.get(name)
        if not isinstance(spec.arg, TensorArgument) or not isinstance(value, torch.Tensor):
            cause = f"The model's input '{name}' is not a tensor."
            remedy = "Wrap the model in a module whose forward takes tensors only; give the other arguments there."
            raise ImporterError("INPUT_NOT_A_TENSOR", cause, remedy, "export")
        _check_sizes(name, value)
        specs.append(_spec(name, value, program, "input"))
    names = nested.program_names(program.call_spec.in_spec, [spec.name for spec in specs])
    specs = [replace(spec, name=name) for spec, name in zip(specs, names, strict=True)]
    by_name = {spec.name: spec for spec in declared if spec.name}
    named = []
    for index, spec in enumerate(specs):
        written = by_name.get(spec.name) or (declared[index] if len(declared) == len(specs) else None)
        if written and len(written.dimensions) == len(spec.dimensions):
            pairs = zip(spec.dimensions, written.dimensions, strict=True)
            spec = TensorSpec(spec.name, spec.dtype, tuple(Dimension(a.minimum, a.maximum, b.name) for a, b in pairs))
        named.append(spec)
    return _with_names_of_equal_sizes(named, [values[str(name)] for name in input_names(program)])


def _with_names_of_equal_sizes(specs: list[TensorSpec], values: list[Any]) -> list[TensorSpec]:
    """The specs with the program's own names for sizes that must be equal, where the declaration has none."""
    symbols = [[str(size) if not isinstance(size, int) else "" for size in value.shape] for value in values]
    counts = Counter(symbol for row in symbols for symbol in row if symbol)
    named = []
    for spec, row in zip(specs, symbols, strict=True):
        dimensions = (
            replace(dimension, name=symbol) if counts[symbol] > 1 and not dimension.name else dimension
            for dimension, symbol in zip(spec.dimensions, row, strict=True)
        )
        named.append(replace(spec, dimensions=tuple(dimensions)))
    return named


def output_specs(program: ExportedProgram, names: list[str]) -> list[TensorSpec]:
    """Every output, with these names."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    found = []
    arguments = [spec.arg for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    for index, argument in enumerate(arguments):
        value = values.get(getattr(argument, "name", ""))
        if not isinstance(value, torch.Tensor):
            cause = f"The model's output {index} is not a tensor ({type(argument).__name__})."
            remedy = "Wrap the model in a module that returns tensors only."
            raise ImporterError("OUTPUT_NOT_A_TENSOR", cause, remedy, "export")
        found.append(_spec(names[index] if index < len(names) else f"output_{index}", value, program, "output"))
    return found


def _spec(name: str, value: torch.Tensor, program: ExportedProgram, what: str) -> TensorSpec:
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        cause = f"The model's {what} '{name}' has dtype {dtype}, which ExecuTorch does not provide."
        raise ImporterError(
            "DTYPE_UNSUPPORTED", cause, "Convert it inside the model, for example to float32.", "export"
        )
    return TensorSpec(
        name, dtype, tuple(_dimension(size, name, axis, program) for axis, size in enumerate(value.shape))
    )


def _check_sizes(name: str, value: torch.Tensor) -> None:
    """ExecuTorch plans the memory of an input from sizes that vary by themselves."""
    for axis, size in enumerate(value.shape):
        if not isinstance(size, int) and not (size.node.expr.is_symbol or size.node.expr.is_number):
            cause = f"Dimension {axis} of '{name}' varies as {size.node.expr}, which ExecuTorch cannot plan memory for."
            remedy = (
                f"Export it with a Dim of its own, or declare all sizes in the option 'inputs': `{name}: float32[...]`."
            )
            raise ImporterError("DYNAMIC_SHAPE_REFUSED", cause, remedy, "export")


def _dimension(size: Any, name: str, axis: int, program: ExportedProgram) -> Dimension:
    if isinstance(size, int):
        return Dimension(size, size)
    from torch.utils._sympy.value_ranges import bound_sympy

    bounds = bound_sympy(size.node.expr, program.range_constraints)
    low, high = _integer(bounds.lower), _integer(bounds.upper)
    if low is None or high is None or high >= _LARGEST_RANGE:
        cause = f"Dimension {axis} of '{name}' has no upper bound; the program could hold only the example's size."
        remedy = "Declare it in the option 'inputs', such as `x: float32[batch:1..64,8]`, or export with Dim(max=...)."
        raise ImporterError("DYNAMIC_DIMENSION_UNBOUNDED", cause, remedy, "export")
    return Dimension(max(0, low), high)


def _integer(bound: Any) -> int | None:
    """A bound as a number; nothing for the infinities of torch and sympy."""
    try:
        return int(bound)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None
