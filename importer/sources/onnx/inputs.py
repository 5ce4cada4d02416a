"""The inputs of an ONNX graph as the option `inputs` declares them. No torch."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from importer.errors import Guess, ImporterError
from importer.signature import DTYPES, LARGEST_TENSOR, Dimension, TensorSpec, format_inputs
from importer.sources.onnx.file.model_file import ValueType
from importer.sources.onnx.file.tensor_checks import NAMES
from importer.sources.onnx.refusals import bad_tensor, bad_type

LARGEST_BATCH = 64
_SMALL_SAMPLE = 4096  # elements; a batch of larger ones would plan much memory for what most games never use


@dataclass(frozen=True)
class Signature:
    """specs: the inputs with the file's own names. chosen: the importer chose that the batch varies.
    fixed_batch: the batch varies in the file, and was fixed to 1."""

    specs: list[TensorSpec]
    chosen: bool = False
    fixed_batch: bool = False


def signature(values: Sequence[ValueType], declared: Sequence[TensorSpec], batch: int = 0) -> Signature:
    """The inputs by the file and by what a person declares. batch: the size to take for a batch that varies; 0 = a
    range. Raises INPUTS_NEEDED and INPUTS_MISMATCH."""
    for item in values:
        if NAMES.get(item.dtype) not in DTYPES:
            raise bad_type(f"ExecuTorch does not support ONNX's dtype {item.dtype} of the input '{item.name[:100]}'")
        sizes = [size for size in item.dims or () if isinstance(size, int)]
        if any(size < 1 for size in sizes):
            raise bad_tensor(item.name, f"is an input without elements: {list(item.dims or ())}")
        if math.prod(sizes) * DTYPES[NAMES[item.dtype]] > LARGEST_TENSOR:
            raise bad_tensor(item.name, f"is a huge input: {list(item.dims or ())}")
    if declared:
        return Signature(_declared(values, declared))
    return _from_file(values, batch)


def _from_file(values: Sequence[ValueType], batch: int) -> Signature:
    batches = {item.dims[0] for item in values if item.dims and not isinstance(item.dims[0], int)}
    open_sizes = [
        size
        for item in values
        for axis, size in enumerate(item.dims or ())
        if not isinstance(size, int) and not (axis == 0 or (size is not None and size in batches))
    ]
    if open_sizes or any(item.dims is None for item in values):
        raise _needed(values)
    elements = sum(math.prod(size for size in item.dims or () if isinstance(size, int)) for item in values)
    large = elements > _SMALL_SAMPLE
    most = batch or (1 if large else LARGEST_BATCH)
    specs = [_spec(item, dict.fromkeys(batches, (1 if most > 1 else most, most))) for item in values]
    return Signature(specs, bool(batches) and most > 1, bool(batches) and most == 1)


def _spec(item: ValueType, ranges: dict[int | str | None, tuple[int, int]]) -> TensorSpec:
    dims = []
    for axis, size in enumerate(item.dims or ()):
        if isinstance(size, int):
            dims.append(Dimension(size, size))
            continue
        low, high = ranges[size]
        dims.append(
            Dimension(low, high, identifier(size or ("batch" if axis == 0 else f"size_{axis}")) if high > low else "")
        )
    return TensorSpec(item.name, NAMES[item.dtype], tuple(dims))


def identifier(name: str) -> str:
    """A name as the option `inputs` can have it."""
    found = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
    found = f"_{found}" if found[0].isdigit() else found
    return f"{found}_" if keyword.iskeyword(found) else found


def declared_as(spec: TensorSpec) -> TensorSpec:
    """A spec with a name that the option `inputs` can have."""
    return replace(spec, name=identifier(spec.name))


def _declared(values: Sequence[ValueType], declared: Sequence[TensorSpec]) -> list[TensorSpec]:
    names = ", ".join(item.name[:60] for item in values) or "none"
    if len(declared) != len(values):
        cause = f"The option 'inputs' declares {len(declared)} tensors, but the model's inputs are {names}."
        raise ImporterError("INPUTS_MISMATCH", cause, "Declare each of them.", "load")
    known = {alias: index for index, item in enumerate(values) for alias in (f"input_{index}", identifier(item.name))}
    known |= {item.name: index for index, item in enumerate(values)}
    found: dict[int, TensorSpec] = {}
    for place, spec in enumerate(declared):
        index = known.get(spec.name) if spec.name else place
        if index is None or index in found:
            cause = f"The option 'inputs' names '{spec.name}', but the model's inputs are {names}."
            raise ImporterError("INPUTS_MISMATCH", cause, "Use the model's names, or leave the names out.", "load")
        found[index] = _checked(values[index], spec)
    return [found[index] for index in range(len(values))]


def _checked(item: ValueType, spec: TensorSpec) -> TensorSpec:
    own = f"{NAMES[item.dtype]}[{','.join('?' if size is None else str(size) for size in item.dims or ())}]"
    fits = spec.dtype == NAMES[item.dtype] and (item.dims is None or len(item.dims) == len(spec.dimensions))
    for size, dimension in zip(item.dims or (), spec.dimensions, strict=False):
        fits = fits and (not isinstance(size, int) or size == dimension.minimum == dimension.maximum)
    if not fits:
        cause = f"The option 'inputs' declares {spec}, but the ONNX file says {item.name[:100]}: {own}."
        raise ImporterError(
            "INPUTS_MISMATCH", cause, "Declare it as the file does; only its open sizes can be chosen.", "load"
        )
    if spec.value is not None and any(dimension.is_dynamic for dimension in spec.dimensions):
        cause = f"The option 'inputs' fixes '{spec.name}' to a value, but its sizes vary."
        raise ImporterError("OPTION_INVALID", cause, "Give it fixed sizes.", "load")
    return replace(spec, name=item.name)


def _needed(values: Sequence[ValueType]) -> ImporterError:
    """The request for sizes that the file leaves open, with guesses."""
    told = "; ".join(
        f"{item.name[:60]}: {NAMES[item.dtype]}"
        + ("" if item.dims is None else f"[{','.join('?' if size is None else str(size)[:40] for size in item.dims)}]")
        for item in values
    )
    cause = f"The ONNX file leaves sizes of its inputs open: {told}."
    if any(item.dims is None for item in values):
        remedy = "Write the option 'inputs', for example `x: float32[1,3,224,224]`."
        return ImporterError("INPUTS_NEEDED", cause, remedy, "load")
    guesses = []
    for size, reason in ((224, "Guessed: pictures of 224 x 224."), (640, "Guessed: pictures of 640 x 640.")):
        if any(len(item.dims or ()) == 4 for item in values):
            guesses.append(_guess(values, size, reason))
    if not guesses:
        guesses = [_guess(values, size, f"Guessed: open sizes of {size}.") for size in (16, 128)]
    remedy = f"Write the option 'inputs', for example `{guesses[0].options['inputs']}`."
    return ImporterError("INPUTS_NEEDED", cause, remedy, "load", guesses=guesses)


def _guess(values: Sequence[ValueType], size: int, reason: str) -> Guess:
    batches = {item.dims[0] for item in values if item.dims and item.dims[0] is not None}
    specs = []
    for item in values:
        dims = []
        for axis, own in enumerate(item.dims or ()):
            channels = axis == 1 and len(item.dims or ()) == 4
            open_size = 1 if axis == 0 or own in batches else 3 if channels else size
            number = own if isinstance(own, int) else open_size
            dims.append(Dimension(number, number))
        specs.append(TensorSpec(identifier(item.name), NAMES[item.dtype], tuple(dims)))
    if len({spec.name for spec in specs}) < len(specs):  # names that differ only in signs
        specs = [replace(spec, name=f"input_{index}") for index, spec in enumerate(specs)]
    text = format_inputs(specs)
    return Guess(text, reason, {"inputs": text})
