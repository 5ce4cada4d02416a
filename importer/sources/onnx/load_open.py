"""Loads a graph whose results are as long as its inputs' values say. Importing this module imports torch."""

from __future__ import annotations

import torch
from torch import Tensor

from importer.errors import ImporterError
from importer.model import Source
from importer.signature import TensorSpec
from importer.sources.onnx import speech
from importer.sources.onnx.build import Built, build
from importer.sources.onnx.inputs import Signature, signature
from importer.sources.onnx.open_length import INPUT, METHOD, OpenLength
from importer.sources.onnx.reference import Reference, is_installed

_MOST_DIFFERENCE, _MOST_OF_INT8 = 1e-2, 0.2  # of the largest value


def load_open(graphs: OpenLength, declared: list[TensorSpec]) -> Source:
    """A method `forward` with the input `frames`, whose size is the length, and a method `length` that computes it."""
    graph = graphs.filling.graph
    found = signature([item for item in graph.inputs if item.name not in graph.constants], declared, 1)
    filling = build(graphs.filling, found, exact=True)
    counting = build(graphs.counting, Signature(found.specs[:-1]), exact=True)
    source = Source([])
    source.notes = [
        *filling.module.notes,
        f"The length of the results depends on the inputs' values: the method '{METHOD}' computes it, and is the size "
        f"to give the input '{INPUT}', whose values do not count.",
        *_difference(filling, counting),
    ]
    outputs = [item.name for item in filling.module.outputs]
    source.methods = [
        filling.method("forward", filling.module, outputs),
        counting.method(METHOD, counting.module, [METHOD]),
    ]
    if speech.is_spectrum(graph.outputs):
        source.methods.append(speech.method(found.specs[-1].dimensions[0]))
        source.task = speech.card()
        source.notes.append(
            f"The outputs are the parts of a spectrum: the method '{speech.METHOD}' makes the sound of them, at 24 kHz."
        )
    return source


def _difference(filling: Built, counting: Built) -> list[str]:
    """A note on how onnxruntime's results differ. Raises ACCURACY_LOST when quantization cannot be why."""
    if not is_installed():
        return []
    outputs = [item.name for item in filling.module.outputs]
    expected = Reference(filling.module.model.path, counting.names, outputs, counting.values)(*counting.example)
    length = int(counting.module.probe(counting.example)[0])
    made = filling.module.probe((*counting.example, torch.zeros(length, dtype=torch.uint8)))
    worst = max(map(_largest_difference, made, expected))
    rounds = filling.module.is_quantized or filling.module.is_more_exact
    if not worst < (_MOST_OF_INT8 if rounds else _MOST_DIFFERENCE):
        cause = f"The importer's results differ from those of onnxruntime by {worst:.2g} of the largest value."
        raise ImporterError("ACCURACY_LOST", cause, "Convert the model before it was quantized.", "read")
    reason = ", because the file is quantized" if rounds else ""
    return [
        "The program was compared with PyTorch, whose results on the example differ from those of onnxruntime by "
        f"{worst:.2g} of the largest value{reason}."
    ]


def _largest_difference(mine: Tensor, theirs: Tensor) -> float:
    if mine.shape != theirs.shape:
        return float("inf")
    return float((mine.double() - theirs.double()).abs().max() / theirs.double().abs().max().clamp(min=1e-6))
