"""Models that compute in fewer bits than fp32 themselves. Importing this module imports torch."""

from __future__ import annotations

import torch

from importer.errors import ImporterError
from importer.model import Method
from importer.recipes import Recipe

_ROUGH = (torch.bfloat16, torch.float16)
ROUGH_RELATIVE = 2e-2
"""The largest error allowed for such a model: kernels round at other places than eager does, each time by 2 ** -8."""


def tolerance(methods: list[Method], recipe: Recipe) -> float:
    """The recipe's own, or more for a model whose own numbers are rough."""
    return max(recipe.relative, ROUGH_RELATIVE) if any(_rough(method) for method in methods) else recipe.relative


def note(methods: list[Method]) -> str:
    """What a person should know of a bfloat16 model; empty for others."""
    if not any(_rough(method) is torch.bfloat16 for method in methods):
        return ""
    return (
        "The model computes in bfloat16, for which XNNPACK has no kernels: it runs on ExecuTorch's own, slow ones. "
        "Saved as float32 (model.float()) it is delegated."
    )


def check(method: Method, recipe: Recipe) -> None:
    """Raises DTYPE_UNSUPPORTED for a recipe that changes the numbers of a model that is not float32."""
    rough = _rough(method)
    if rough is not None and recipe.prepare is not None:
        name = str(rough).removeprefix("torch.")
        cause = f"The weights of '{method.name}' are {name}; the recipe {recipe.name} begins with float32."
        remedy = "Save the model as float32 (model.float()), or choose the recipe 'auto'."
        raise ImporterError("DTYPE_UNSUPPORTED", cause, remedy, "lower")


def _rough(method: Method) -> torch.dtype | None:
    values = [*method.program.state_dict.values(), *method.program.constants.values()]
    dtypes = {value.dtype for value in values if isinstance(value, torch.Tensor)}
    return next((dtype for dtype in _ROUGH if dtype in dtypes), None)
