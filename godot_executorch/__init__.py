"""From PyTorch to an ExecuTorch program that is proved, measured and evaluated; with or without a game.

    import godot_executorch as ge

    artifact = ge.convert(model, example_inputs, recipe="xnnpack_int8_static", calibration=loader, evaluate=test_set)
    artifact.save("models/digits.pte")
    program = ge.Program("models/digits.pte")
    outputs = program(image)

What is public: the names of `__all__`, their parameters and their documented attributes. They follow semantic
versioning (docs/python.md).
"""

from __future__ import annotations

from godot_executorch.artifact import (
    Accuracy,
    Artifact,
    Evaluation,
    Metadata,
    MethodMetadata,
    TensorMetadata,
    Training,
    Variant,
)
from godot_executorch.convert import convert
from godot_executorch.program import Program, load_library
from godot_executorch.qat import prepare_qat
from importer.errors import ImporterError as ConversionError

__version__ = "0.1.0"

__all__ = [
    "Accuracy",
    "Artifact",
    "ConversionError",
    "Evaluation",
    "Metadata",
    "MethodMetadata",
    "Program",
    "TensorMetadata",
    "Training",
    "Variant",
    "convert",
    "load_library",
    "prepare_qat",
]
