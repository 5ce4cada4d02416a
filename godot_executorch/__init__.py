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

import importlib
from typing import TYPE_CHECKING, Any

from importer.errors import ConversionError, from_exception

if TYPE_CHECKING:
    from godot_executorch.artifact import (
        Accuracy,
        Artifact,
        Candidate,
        Evaluation,
        Metadata,
        MethodMetadata,
        Search,
        TensorMetadata,
        Training,
        Variant,
    )
    from godot_executorch.conversion import convert
    from godot_executorch.program import Program, load_library
    from godot_executorch.qat import prepare_qat
    from godot_executorch.recipe import Recipe

__version__ = "0.1.0"

__all__ = [
    "Accuracy",
    "Artifact",
    "Candidate",
    "ConversionError",
    "Evaluation",
    "Metadata",
    "MethodMetadata",
    "Program",
    "Recipe",
    "Search",
    "TensorMetadata",
    "Training",
    "Variant",
    "convert",
    "load_library",
    "prepare_qat",
]

_PLACES = {
    "convert": "conversion",
    "Program": "program",
    "load_library": "program",
    "prepare_qat": "qat",
    "Recipe": "recipe",
}


if not TYPE_CHECKING:  # a type checker would take every name for known

    def __getattr__(name: str) -> Any:
        """Loads torch when something needs it: the command and a mere import do not wait for it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            value = getattr(importlib.import_module(f"{__name__}.{_PLACES.get(name, 'artifact')}"), name)
        except (ImportError, OSError) as error:
            raise from_exception(error) from error
        globals()[name] = value
        return value
