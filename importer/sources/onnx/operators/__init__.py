"""The ONNX operators in torch. Importing this package registers all of them."""

from importer.sources.onnx.operators import (
    control,
    elementwise,
    generators,
    indexing,
    layers,
    matrix,
    reductions,
    sequences,
    shapes,
    signal,
)

__all__ = [
    "control",
    "elementwise",
    "generators",
    "indexing",
    "layers",
    "matrix",
    "reductions",
    "sequences",
    "shapes",
    "signal",
]
