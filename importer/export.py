"""Exports the methods of a source with torch.export, and finds out the names and ranges of what goes in and out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, TensorArgument

from importer import examples
from importer.errors import ImporterError
from importer.model import Method, Source, SourceMethod
from importer.samples import inputs_of
from importer.signature import DTYPES, Dimension, TensorSpec
from importer.torch_export import export_module
from importer.torchscript import export_script

_LARGEST_RANGE = 1 << 31  # torch writes "no bound" as a number near 2**63


def export(source: Source, scan: bool = False) -> list[Method]:
    """The methods of a source, exported. Raises EXPORT_FAILED, EXPORT_DATA_DEPENDENT, DYNAMIC_DIMENSION_UNBOUNDED...

    scan: recurrent layers may become loops, so that the number of their steps can vary.
    """
    return [_export(method, source, scan) for method in source.methods]


def _export(method: SourceMethod, source: Source, scan: bool) -> Method:
    declared_anew = bool(method.program is not None and method.declared)
    program = method.program
    eager = method.module
    is_given = method.example[0] or method.example[1] or method.declared
    if program is not None and not is_given and input_names(program):
        raise examples.needed(program.module())
    if program is None or declared_anew:
        if program is not None:
            eager = program.module()
            names = input_names(program)
            declared = examples.order_by_names(method.declared, names)
            method.example = tuple(examples.make_tensor(s, examples.example_shape(s)) for s in declared), {}
        assert eager is not None
        if isinstance(eager, torch.jit.ScriptModule):
            program, note = export_script(eager, method)
            source.notes.append(note)
        else:
            program = export_module(_for_export(eager, method, source, scan), method)
    if eager is None:
        eager = program.module()
    program = _written_parameters_as_buffers(program)
    inputs = input_specs(program, method.declared)
    if isinstance(eager, torch.jit.ScriptModule):
        # A traced graph has names of its own.
        names = examples.parameter_names(eager)
        if len(names) == len(inputs):
            inputs = [replace(spec, name=name) for spec, name in zip(inputs, names, strict=True)]
    return Method(
        method.name, program, eager, method.example, inputs, output_specs(program), _bounds(program, method, inputs)
    )


def _written_parameters_as_buffers(program: ExportedProgram) -> ExportedProgram:
    """ExecuTorch takes a parameter that is written to for one more output and forgets it; a buffer it keeps."""
    written = _written_parameters(program)
    for given in program.graph_signature.input_specs:
        if given.target in written:
            given.kind, given.persistent = InputKind.BUFFER, True
            program.state_dict[str(given.target)] = program.state_dict[str(given.target)].detach()
    return program


def _written_parameters(program: ExportedProgram) -> set[str]:
    """The names of parameters that an operator of the program writes to, or to a view of them."""
    parameters = program.graph_signature.inputs_to_parameters
    written = set()
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op != "call_function" or schema is None:
            continue
        for argument, value in zip(schema.arguments, node.args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                origin = _viewed(value)
                if origin in parameters:
                    written.add(parameters[origin])
    return written


def _viewed(value: Any) -> str:
    """The name of the node that a view is a view of."""
    while isinstance(value, torch.fx.Node) and value.op == "call_function":
        schema = getattr(value.target, "_schema", None)
        if schema is None or not schema.returns or schema.returns[0].alias_info is None or not value.args:
            break
        value = value.args[0]
    return value.name if isinstance(value, torch.fx.Node) else ""


def _for_export(module: torch.nn.Module, method: SourceMethod, source: Source, scan: bool) -> torch.nn.Module:
    varies = any(dimension.is_dynamic for spec in method.declared for dimension in spec.dimensions)
    if not scan or not (varies or method.dynamic_shapes):
        return module
    from importer.recurrent import with_scan_layers

    changed, count = with_scan_layers(module)
    if count:
        source.notes.append(f"Recurrent layers of '{method.name}' that run as a loop (scan): {count}.")
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
            cause = f"The model's input '{name}' is no tensor."
            remedy = "Wrap the model in a module whose forward takes tensors only; give the other arguments there."
            raise ImporterError("INPUT_NOT_A_TENSOR", cause, remedy, "export")
        _check_sizes(name, value)
        specs.append(_spec(name, value, program, "input"))
    by_name = {spec.name: spec for spec in declared if spec.name}
    named = []
    for index, spec in enumerate(specs):
        written = by_name.get(spec.name) or (declared[index] if len(declared) == len(specs) else None)
        if written and len(written.dimensions) == len(spec.dimensions):
            pairs = zip(spec.dimensions, written.dimensions, strict=True)
            spec = TensorSpec(spec.name, spec.dtype, tuple(Dimension(a.minimum, a.maximum, b.name) for a, b in pairs))
        named.append(spec)
    return named


def output_specs(program: ExportedProgram) -> list[TensorSpec]:
    """Every output; its name is the source's key where the model returns a dictionary or a named tuple."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    found = []
    names = _output_names(program)
    arguments = [spec.arg for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    for index, argument in enumerate(arguments):
        value = values.get(getattr(argument, "name", ""))
        if not isinstance(value, torch.Tensor):
            cause = f"The model's output {index} is no tensor ({type(argument).__name__})."
            remedy = "Wrap the model in a module that returns tensors only."
            raise ImporterError("OUTPUT_NOT_A_TENSOR", cause, remedy, "export")
        found.append(_spec(names[index] if index < len(names) else f"output_{index}", value, program, "output"))
    return found


def _output_names(program: ExportedProgram) -> list[str]:
    spec = program.call_spec.out_spec
    count = spec.num_leaves if spec else 0
    keys: list[str] = []
    if spec is not None and spec.type is not None:
        children = spec.children() if callable(getattr(spec, "children", None)) else spec.children_specs
        context = spec.context
        if spec.type is dict or spec.type.__name__ in ("OrderedDict", "defaultdict"):
            keys = [
                str(key)
                for key in (
                    context[1] if isinstance(context, list) and spec.type.__name__ == "defaultdict" else context
                )
            ]
        elif hasattr(context, "_fields"):
            keys = list(context._fields)
        elif hasattr(spec.type, "_fields"):
            keys = list(spec.type._fields)
        if len(keys) != len(children) or any(child.num_leaves != 1 for child in children):
            keys = []
    return keys or [f"output_{index}" for index in range(count)]


def _spec(name: str, value: torch.Tensor, program: ExportedProgram, what: str) -> TensorSpec:
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        cause = f"The model's {what} '{name}' has dtype {dtype}, which ExecuTorch has not."
        raise ImporterError(
            "DTYPE_UNSUPPORTED", cause, "Convert it inside the model, for example to float32.", "export"
        )
    return TensorSpec(
        name, dtype, tuple(_dimension(size, name, axis, program) for axis, size in enumerate(value.shape))
    )


def _check_sizes(name: str, value: torch.Tensor) -> None:
    """ExecuTorch plans the memory of an input from sizes that vary by themselves."""
    for axis, size in enumerate(value.shape):
        if not isinstance(size, int) and not size.node.expr.is_symbol:
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


def _bounds(program: ExportedProgram, method: SourceMethod, inputs: list[TensorSpec]) -> list[tuple[int, int]]:
    """For integer inputs the values that are safe: below the rows of an embedding that they select from."""
    rows: dict[str, int] = {}
    for node in program.graph.nodes:
        if node.op == "call_function" and "embedding" in str(node.target) and len(node.args) > 1:
            table, index = node.args[:2]
            for origin in _origins(index):
                count = int(table.meta["val"].shape[0])
                rows[origin] = min(rows.get(origin, count), count)
    flat = inputs_of(method.example)
    bounds = []
    for position, spec in enumerate(inputs):
        example = flat[position] if position < len(flat) else None
        low = high = 0
        if (
            example is not None
            and example.numel()
            and not example.dtype.is_floating_point
            and example.dtype != torch.bool
        ):
            low, high = int(example.min()), int(example.max())
        if spec.name in rows:
            high = max(high, rows[spec.name] - 1)
        bounds.append((low, high if high > low else low))
    return bounds


def _origins(node: Any, depth: int = 0) -> list[str]:
    """The inputs that an index comes from through operations that keep values."""
    if not isinstance(node, torch.fx.Node) or depth > 6:
        return []
    if node.op == "placeholder":
        return [node.name]
    keeps = (
        "view",
        "reshape",
        "to",
        "_to_copy",
        "unsqueeze",
        "squeeze",
        "slice",
        "select",
        "clone",
        "expand",
        "permute",
    )
    kept = any(f"aten.{word}." in str(node.target) for word in keeps)
    return _origins(node.args[0], depth + 1) if kept and node.args else []


def snapshot(method: Method) -> dict[str, torch.Tensor]:
    """A copy of everything that a call may change, to be given back with `restore`."""
    buffers = set(method.program.graph_signature.buffers) | {name for name, _ in method.eager.named_buffers()}
    return {name: value.detach().clone() for name, value in _state(method.eager).items() if name in buffers}


def restore(method: Method, saved: dict[str, torch.Tensor]) -> None:
    state = _state(method.eager)
    with torch.no_grad():
        for name, value in saved.items():
            state[name].copy_(value)


def _state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_buffers()), **dict(module.named_parameters())}
