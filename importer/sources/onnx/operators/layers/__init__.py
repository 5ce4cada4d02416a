"""Operators that are layers of networks, and their quantized forms."""

from importer.sources.onnx.operators.layers import (
    activations,
    attention,
    convolution,
    integers,
    microsoft,
    normalization,
    pooling,
    quantized,
    recurrent,
    resize,
)

__all__ = [
    "activations",
    "attention",
    "convolution",
    "integers",
    "microsoft",
    "normalization",
    "pooling",
    "quantized",
    "recurrent",
    "resize",
]
