"""The import options as arguments of a tool, each with its own schema, so that no tool lacks one."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

from pydantic import Field

from importer.options import KERNELS, RECIPES, RECURRENT, ImportOptions

_ABOUT = {
    "recipe": "How to lower the model; `auto` chooses. `sweep_recipes` compares all.",
    "variants": "Recipes of further programs in the same asset, such as `xnnpack_int8_static, portable`",
    "inputs": "Inputs, such as `x: float32[1,3,224,224]`; empty = from the file",
    "also_outputs": "Names of values inside of the graph that become further outputs, such as `relu_1, linear`",
    "factory": "For a state dict: res://models/net.py:build builds the architecture",
    "factory_arguments": 'Arguments of the factory\'s function, a JSON object: {"hidden": 64}',
    "weights": "Which weights of a checkpoint that has several, such as `params_ema` or `actor`",
    "calibration": "A folder of .npy, .npz or images for static int8",
    "group_size": "How many int4 weights share a scale: 32, 64 or 128",
    "float_layers": "Layers that are not int8 in an int8 recipe, fp32 or fp16, such as `head, features.0: fp16`",
    "kernels": "Whether the program may call Godot ExecuTorch's own kernels; `stock` for another ExecuTorch",
    "recurrent": "How LSTM and GRU layers are exported",
    "slice": "Milliseconds that no instruction may exceed, for `submit_sliced`, such as `2`; empty = no limit",
    "max_absolute_error": "The largest error that the proof accepts, such as `0.001`; empty = the recipe's own",
    "max_relative_error": "The same, as a part of the largest value",
    "deadline_seconds": "How long a conversion may take",
    "memory_limit_megabytes": "How much memory a conversion may use; 0 = three quarters of this machine's",
    "evaluate": "A folder or file of labelled data of the project: the program and eager PyTorch are both scored on it",
    "metric": "What is computed of the labelled data",
    "external_weights": "Store the weights in a .ptd beside the program",
}
_Tool = TypeVar("_Tool", bound=Callable[..., Awaitable[Any]])


def with_import_options(tool: _Tool) -> _Tool:
    """The tool, whose `**options` become one argument for each import option."""
    hints = get_type_hints(tool, include_extras=True)
    kept = [
        item.replace(annotation=hints.get(item.name, item.annotation))
        for item in inspect.signature(tool).parameters.values()
        if item.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    taken = {item.name for item in kept}
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=_annotation(field.name)
        )
        for field in fields(ImportOptions)
        if field.name not in taken
    ]
    signature = inspect.Signature([*kept, *options], return_annotation=hints.get("return", Any))
    tool.__signature__ = signature  # type: ignore[attr-defined]
    return tool


def _annotation(name: str) -> Any:
    kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(ImportOptions)}
    kinds |= {"kernels": Literal[KERNELS], "recurrent": Literal[RECURRENT]}
    about = _ABOUT.get(name, f"The import option {name}") + (
        f" One of {', '.join(RECIPES)}." if name == "recipe" else ""
    )
    return Annotated[kinds[name], Field(description=about)]
