"""Models that compute in fewer bits than fp32 themselves. Importing this module imports torch."""

from __future__ import annotations

import re

import torch
from torch.export import ExportedProgram

from importer.errors import ImporterError
from importer.lowering.recipes import Recipe
from importer.model import Method

_QUANTIZING = re.compile(r"quantize_per_|quantize_affine|choose_qparams")  # quantizing and dequantizing
_ROUNDING = re.compile(r"(?<!de)quantize_(per_|affine)|choose_qparams")
_EXACT = 1e-3  # of programs whose weights alone are quantized: they compute in fp32
_ROUGH = (torch.bfloat16, torch.float16)
ROUGH_RELATIVE = 2e-2
"""The largest error allowed for such a model: kernels round at other places than eager does, each time by 2 ** -8."""


def tolerance(methods: list[Method], recipe: Recipe) -> float:
    """The recipe's own; less for a program that computes in fp32, and more for a model whose numbers are rough."""
    if recipe.keeps_numbers and not any(_names(method, _ROUNDING) for method in methods):
        return _EXACT
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
    if recipe.changes_numbers and _quantizes(method):
        cause = f"'{method.name}' is quantized already; the recipe {recipe.name} would quantize it a second time."
        remedy = "Choose the recipe 'auto', which keeps its quantization, or export the float model."
        raise ImporterError("ALREADY_QUANTIZED", cause, remedy, "lower")
    other = _rough(method) or _double(method)
    if other is not None and recipe.changes_numbers:
        name = str(other).removeprefix("torch.")
        cause = f"The weights of '{method.name}' are {name}; the recipe {recipe.name} begins with float32."
        remedy = "Save the model as float32 (model.float()), or choose the recipe 'auto'."
        raise ImporterError("DTYPE_UNSUPPORTED", cause, remedy, "lower")


def _quantizes(method: Method) -> bool:
    return _names(method, _QUANTIZING) or _has_int8_weights(method.program)


def _names(method: Method, operators: re.Pattern[str]) -> bool:
    return any(node.op == "call_function" and operators.search(str(node.target)) for node in method.program.graph.nodes)


def _has_int8_weights(program: ExportedProgram) -> bool:
    """Whether a matrix of int8 in the file is made floats, as torchao's weights are that alone are quantized."""
    known = {**program.state_dict, **program.constants}
    matrices = {
        spec.arg.name
        for spec in program.graph_signature.input_specs
        if isinstance(value := known.get(str(spec.target)), torch.Tensor)
        and value.dtype == torch.int8
        and value.dim() > 1
    }
    waiting = [node for node in program.graph.nodes if node.name in matrices]
    for node in waiting:
        for user in node.users:
            made = user.meta.get("val")
            if isinstance(made, torch.Tensor) and made.is_floating_point():
                return True
            if isinstance(made, torch.Tensor) and made.dtype == torch.int8 and user not in waiting:
                waiting.append(user)  # turned, or of another shape
    return False


def _double(method: Method) -> torch.dtype | None:
    """float64 when layers have such weights; of a constant or a mean it says nothing."""
    values = [*method.program.state_dict.values(), *method.program.constants.values()]
    matrices = [value for value in values if isinstance(value, torch.Tensor) and value.dim() > 1]
    return torch.float64 if any(value.dtype == torch.float64 for value in matrices) else None


def _rough(method: Method) -> torch.dtype | None:
    values = [*method.program.state_dict.values(), *method.program.constants.values()]
    dtypes = {value.dtype for value in values if isinstance(value, torch.Tensor)}
    return next((dtype for dtype in _ROUGH if dtype in dtypes), None)
