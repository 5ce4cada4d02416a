"""An ONNX file as a source of the importer. Importing this module imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from importer.errors import ImporterError
from importer.model import Source, SourceMethod
from importer.signature import TensorSpec
from importer.sources.onnx.build import build
from importer.sources.onnx.file.graph_checks import check_model
from importer.sources.onnx.file.model_file import Model, ValueType, read_model
from importer.sources.onnx.inputs import Signature, signature
from importer.sources.onnx.load_open import load_open
from importer.sources.onnx.module import OnnxModule
from importer.sources.onnx.open_length import INPUT, with_open_length
from importer.sources.onnx.open_length import needed as length_needed
from importer.sources.onnx.policies import WithState, state_of
from importer.sources.onnx.reference import reference
from importer.sources.onnx.refusals import LengthNeeded
from importer.task_card import paddleocr, ultralytics
from importer.task_card.schema import Unusable

_MOST_NUMBERS = 64  # of a constant method
_MOST_BY_ROUNDING = 0.2  # of the largest value
_EXPORT_ERRORS = (
    "DYNAMIC_SHAPE_REFUSED",
    "EXPORT_FAILED",
    "EXPORT_DATA_DEPENDENT",
    "ONNX_VALUE_NEEDED",
    "ONNX_NODE_FAILS",
)


def load_onnx(path: Path, declared: list[TensorSpec]) -> Source:
    """The graph as one method `forward`; outputs that do not depend on an input become constant methods. A graph whose
    results are as long as its inputs' values say has a method `length` too."""
    model = read_model(path)
    check_model(model)
    of_file = [spec for spec in declared if spec.name != INPUT or INPUT in _names(model)]
    try:
        source = _load(model, of_file)
    except LengthNeeded as error:
        graphs = with_open_length(model, error.node)
        if graphs is None:
            raise
        if len(of_file) == len(declared):
            raise length_needed(model, signature(_taken(model), of_file, 1).specs, error) from error
        return load_open(graphs, declared)
    return source if len(of_file) == len(declared) else _load(model, declared)


def _load(model: Model, declared: list[TensorSpec]) -> Source:
    taken = _taken(model)
    # A recurrent policy keeps the state of one player.
    names = [item.name for item in taken], [item.name for item in model.graph.outputs]
    state = None if declared else state_of(*names)
    has_layers = any(node.operator in ("LSTM", "GRU", "RNN") for node in model.graph.nodes)
    batch = 1 if has_layers or state is not None else 0
    found = signature(taken, declared, batch)
    source = Source([])
    try:
        method = _method(model, found, source)
    except ImporterError as error:
        if not found.chosen or error.code not in _EXPORT_ERRORS:
            raise
        found = signature(taken, declared, 1)
        method = _method(model, found, source)
    if found.chosen:
        method.otherwise = lambda: _method(model, signature(taken, declared, 1), source)
    if state is not None:
        _keep_state(method, source)
    if found.fixed_batch and state is None:
        source.notes.append(
            "The file leaves the batch open; the program takes one sample with each call. The option 'inputs' can give "
            "it a range, such as `x: float32[batch:1..8,...]`."
        )
    source.methods.append(method)
    _describe_task(model, source)
    return source


def _taken(model: Model) -> list[ValueType]:
    return [item for item in model.graph.inputs if item.name not in model.graph.constants]


def _names(model: Model) -> list[str]:
    return [item.name for item in model.graph.inputs]


def _describe_task(model: Model, source: Source) -> None:
    """What the file's own metadata say of the model. Metadata that cannot be used become a note."""
    shape = model.graph.outputs[0].dims or () if model.graph.outputs else ()
    for made_by, card_of in (("Ultralytics", ultralytics.card_of), ("PaddleOCR", paddleocr.card_of)):
        try:
            source.task = source.task or card_of(model.properties, shape)
        except Unusable as error:
            source.notes.append(f"The file has metadata of {made_by}, but they do not make a task card: {error}.")


def _method(model: Model, found: Signature, source: Source) -> SourceMethod:
    built = build(model, found)
    module = built.module
    source.constant_methods = _take_constants(module)
    outputs = [item.name for item in module.outputs]
    compared, note = reference(model.path, built.names, outputs, built.values, built.example)
    if module.is_more_exact and compared is not None:
        note = _difference(module.probe(built.example), compared(*built.example))
        compared = None
    source.notes = [*module.notes, *filter(None, [note])]
    method = built.method("forward", module, outputs)
    if compared is not None:
        method.reference, method.reference_name = compared, compared.title
    return method


def _difference(mine: tuple[torch.Tensor, ...], theirs: tuple[torch.Tensor, ...]) -> str:
    """A note on results that onnxruntime rounds to 8 bits. Raises ACCURACY_LOST when that cannot be why they differ."""
    pairs = [(left.double(), right.double()) for left, right in zip(mine, theirs, strict=False) if left.numel()]
    worst = max(float((left - right).abs().max() / right.abs().max().clamp(min=1e-6)) for left, right in pairs)
    if not worst < _MOST_BY_ROUNDING:
        cause = f"The importer's results differ from those of onnxruntime by {worst:.2g} of the largest value."
        raise ImporterError("ACCURACY_LOST", cause, "Convert the model before it was quantized.", "read")
    return (
        "The program was compared with PyTorch: onnxruntime rounds the inputs of LSTM layers to 8 bits at each step, "
        f"which changes its results on the example by {worst:.2g} of the largest value."
    )


def _keep_state(method: SourceMethod, source: Source) -> None:
    """Make the program keep a policy's state, so that one call is one step."""
    state = state_of(method.input_names, method.output_names)
    if state is None or method.module is None:
        return
    first = method.example[0][state.taken]
    method.module = WithState(method.module, state, first)
    if method.reference is not None:
        method.reference = WithState(method.reference, state, first)
    example = tuple(value for index, value in enumerate(method.example[0]) if index != state.taken)
    method.example = (example, method.example[1])
    method.declared = [spec for spec in method.declared if spec.name != state.name]
    method.input_names = [name for name in method.input_names if name != state.name]
    del method.output_names[state.given]
    source.notes.append(
        f"The session keeps the state '{state.name}': one call is one step, and reset_state() sets the initial state. "
        "To pass it with each call, declare it in the option 'inputs'."
    )


def _take_constants(module: OnnxModule) -> dict[str, Any]:
    """Removes and returns the outputs that do not depend on an input: a policy's version, its sizes."""
    constants: dict[str, Any] = {}
    for name, tensor in module.constant_outputs().items():
        usable = name.isidentifier() and name != "forward" and tensor.numel() <= _MOST_NUMBERS
        if usable and tensor.dtype in (torch.float32, torch.float64, torch.int32, torch.int64, torch.bool):
            constants[name] = tensor.item() if tensor.numel() == 1 else tensor.reshape(-1).tolist()
    if len(constants) == len(module.outputs):
        return {}
    module.outputs = [item for item in module.outputs if item.name not in constants]
    return constants
