"""Models that compute in fewer bits than fp32 themselves. Importing this module imports torch."""

from __future__ import annotations

import torch

from importer.errors import ImporterError
from importer.lowering.recipes import Recipe
from importer.model import Method

_QUANTIZING = ("quantize_per_", "quantize_affine", "choose_qparams")  # quantizing and dequantizing
_ROUGH = (torch.bfloat16, torch.float16)
ROUGH_RELATIVE = 2e-2
"""The largest error allowed for such a model: kernels round at other places than eager does, each time by 2 ** -8."""


def tolerance(methods: list[Method], recipe: Recipe) -> float:
    """The recipe's own, or more for a model whose own numbers are rough."""
    return max(recipe.relative, ROUGH_RELATIVE) if any(_rough(method) for method in methods) else recipe.relative


def note(methods: list[Method]) -> str:
    """A note on a bfloat16 model; empty for others."""
    if not any(_rough(method) is torch.bfloat16 for method in methods):
        return ""
    return (
        "The model computes in bfloat16, for which XNNPACK has no kernels: it runs on ExecuTorch's own, slow ones. "
        "Saved as float32 (model.float()) it is delegated."
    )


def is_quantized(methods: list[Method]) -> bool:
    """Whether a program is quantized already: by PT2E, after or during training, or by torchao."""
    return any(_quantizes(method) for method in methods)


def check(method: Method, recipe: Recipe) -> None:
    """Raises DTYPE_UNSUPPORTED for a recipe that changes the numbers of a model that is not float32, and
    ALREADY_QUANTIZED for one that would quantize a second time."""
    if recipe.prepare is not None and _quantizes(method):
        cause = f"'{method.name}' is quantized already; the recipe {recipe.name} would quantize it a second time."
        remedy = "Choose the recipe 'auto', which keeps its quantization, or export the float model."
        raise ImporterError("ALREADY_QUANTIZED", cause, remedy, "lower")
    other = _rough(method) or _double(method)
    if other is not None and recipe.prepare is not None:
        name = str(other).removeprefix("torch.")
        cause = f"The weights of '{method.name}' are {name}; the recipe {recipe.name} begins with float32."
        remedy = "Save the model as float32 (model.float()), or choose the recipe 'auto'."
        raise ImporterError("DTYPE_UNSUPPORTED", cause, remedy, "lower")


def _quantizes(method: Method) -> bool:
    return any(
        node.op == "call_function" and any(word in str(node.target) for word in _QUANTIZING)
        for node in method.program.graph.nodes
    )


def _double(method: Method) -> torch.dtype | None:
    """float64 when layers have such weights; of a constant or a mean it says nothing."""
    values = [*method.program.state_dict.values(), *method.program.constants.values()]
    matrices = [value for value in values if isinstance(value, torch.Tensor) and value.dim() > 1]
    return torch.float64 if any(value.dtype == torch.float64 for value in matrices) else None


def _rough(method: Method) -> torch.dtype | None:
    values = [*method.program.state_dict.values(), *method.program.constants.values()]
    dtypes = {value.dtype for value in values if isinstance(value, torch.Tensor)}
    return next((dtype for dtype in _ROUGH if dtype in dtypes), None)
