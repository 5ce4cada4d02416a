"""Quantization-aware training: a graph that rounds as its int8 program will, and back. Imports torch."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from importer.errors import ImporterError
from importer.lowering import int8_graph
from importer.lowering.quantize import quantizer
from importer.lowering.recipes import Scheme


def prepare(module: torch.fx.GraphModule, scheme: Scheme, varies: bool) -> torch.fx.GraphModule:
    """A graph that was exported in training mode, with the roundings of a scheme. varies: sizes of the program's inputs
    may differ from call to call."""
    from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e

    int8_graph.before(module, varies, [], is_dynamic=scheme.dynamic, is_trained=True)
    prepared: torch.fx.GraphModule = prepare_qat_pt2e(module, quantizer(scheme, is_trained=True))
    return prepared


def set_mode(module: nn.Module, is_training: bool) -> None:
    """train() or eval() of a prepared graph. In eval mode the ranges stay as they are, and where there are none yet
    nothing is rounded."""
    from torchao.quantization.pt2e import move_exported_model_to_eval, move_exported_model_to_train

    (move_exported_model_to_train if is_training else move_exported_model_to_eval)(module)
    for rounding in _roundings(module):
        if not rounding.is_dynamic:
            rounding.enable_observer(is_training)
            rounding.enable_fake_quant(is_training or _has_range(rounding))


def has_ranges(module: nn.Module) -> bool:
    """Whether every range is known: the module has run in training mode, or has the state of one that has."""
    return all(_has_range(rounding) for rounding in _roundings(module))


def finish(module: nn.Module) -> torch.fx.GraphModule:
    """The int8 graph of a prepared one in eval mode, which it changes. Raises QAT_RECIPE_UNSUITABLE."""
    from torchao.quantization.pt2e import allow_exported_model_train_eval
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

    try:
        with torch.no_grad():
            converted: torch.fx.GraphModule = convert_pt2e(module)
    except Exception as error:  # torchao's passes raise what they like, with the reason innermost
        reason = error.__cause__ or error
        cause = f"torchao cannot quantize this network as it was trained: {type(reason).__name__}: {str(reason)[:300]}"
        remedy = "Prepare it for another recipe, such as xnnpack_int8_static, and train it for that one."
        raise ImporterError("QAT_RECIPE_UNSUITABLE", cause, remedy, "lower", traceback.format_exc()) from error
    int8_graph.after(converted)
    allow_exported_model_train_eval(converted)
    return converted


def _roundings(module: nn.Module) -> Iterator[Any]:
    from torchao.quantization.pt2e import FakeQuantizeBase

    return (part for part in module.modules() if isinstance(part, FakeQuantizeBase))


def _has_range(rounding: Any) -> bool:
    smallest = rounding.activation_post_process.min_val
    return bool(smallest.numel() and smallest.isfinite().all())
