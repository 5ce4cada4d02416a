"""The changes of the recipes to a program before it is lowered. Importing this module imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from importer.errors import ImporterError
from importer.exporting.reexport import attribute, export_again, program_module, replace_by_module, varies
from importer.inputs.calibration import MOST_CALIBRATION
from importer.lowering import int8_graph
from importer.lowering.int8_joins import uneven_nodes
from importer.lowering.int8_state import exact_nodes, written
from importer.lowering.recipes import Scheme
from importer.model import Arguments, Method
from importer.options import ImportOptions


def pt2e(
    method: Method, calibration: Iterable[Arguments], options: ImportOptions, *, scheme: Scheme
) -> ExportedProgram:
    """int8 through torch's PT2E flow with XNNPACK's quantizer."""
    return export_again(pt2e_graph(method, calibration, options, scheme), method)


def pt2e_graph(
    method: Method,
    calibration: Iterable[Arguments],
    options: ImportOptions,
    scheme: Scheme,
    stores_int8: bool = True,
) -> torch.fx.GraphModule:
    """The quantized graph. stores_int8: weights are stored in int8; otherwise in fp32, and quantized in each call."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    module = program_module(method)
    calls = list(itertools.islice(calibration, MOST_CALIBRATION))
    state = _state(module)
    kept = options.kept_in_float()
    int8_graph.leave_layers(module, kept)
    uneven = [] if scheme.dynamic else uneven_nodes(module, calls)
    int8_graph.before(module, varies(method), uneven, is_dynamic=scheme.dynamic)
    _restore(module, state)
    with torch.no_grad():
        prepared = prepare_pt2e(module, quantizer(scheme))
        state = _state(prepared)  # batch normalizations are part of weights and biases now
        try:
            for positional, keyword in calls:
                prepared(*positional, **keyword)
            converted: torch.fx.GraphModule = convert_pt2e(prepared, fold_quantize=stores_int8)
        except (RuntimeError, AssertionError) as error:
            if "nan" in str(error) or "finite" in str(error):
                raise _not_finite(method) from error
            raise
    # The calls that calibrate it must not be seen in its first state.
    _restore(converted, state)
    int8_graph.after(converted)
    int8_graph.compute_in_half(converted, [name for name, kind in kept.items() if kind == "fp16"])
    return converted


def quantizer(scheme: Scheme, is_trained: bool = False) -> Any:
    """XNNPACK's quantizer; is_trained: the network is trained with it."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )

    return XNNPACKQuantizer().set_global(
        get_symmetric_quantization_config(
            is_per_channel=scheme.per_channel, is_qat=is_trained, is_dynamic=scheme.dynamic
        )
    )


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_buffers()), **dict(module.named_parameters())}


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in _tensors(module).items()}


def _restore(module: nn.Module, state: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, value in _tensors(module).items():
            if name in state and state[name].shape == value.shape and state[name].dtype == value.dtype:
                value.copy_(state[name])


def _not_finite(method: Method) -> ImporterError:
    cause = f"'{method.name}' computes NaN or infinity on the inputs that it is calibrated with, which have no range."
    remedy = "Give calibration data for which the model returns numbers."
    return ImporterError("CALIBRATION_INVALID", cause, remedy, "lower")


def int4_weights(method: Method, _: Iterable[Arguments], options: ImportOptions) -> ExportedProgram:
    """4-bit weights in groups for linear layers, int8 activations; everything else stays fp32."""
    module = with_linear_layers(program_module(method))
    quantize_linear_layers(module, int4(options.group_size), options.group_size)
    return export_again(module, method)


def int4(group_size: int) -> Any:
    """torchao's configuration of int8 activations and int4 weights, of which so many share a scale."""
    from torchao.quantization.granularity import PerGroup
    from torchao.quantization.quant_api import Int8DynamicActivationIntxWeightConfig

    return Int8DynamicActivationIntxWeightConfig(
        weight_dtype=torch.int4,  # type: ignore[attr-defined]
        weight_granularity=PerGroup(group_size),
    )


def quantize_linear_layers(module: nn.Module, config: Any, group_size: int) -> None:
    """Apply a configuration of torchao to the linear layers whose inputs groups divide. Raises NOTHING_TO_QUANTIZE."""
    from torchao.quantization.quant_api import quantize_

    chosen: list[str] = []

    def fits(layer: nn.Module, name: str) -> bool:
        fit = isinstance(layer, nn.Linear) and layer.in_features % group_size == 0
        if fit:
            chosen.append(name)
        return fit

    quantize_(module, config, filter_fn=fits)
    if not chosen:
        cause = (
            f"No linear layer has a number of inputs that groups of {group_size} divide, so there is nothing to "
            "quantize."
        )
        remedy = "Choose a smaller group_size, or the recipe xnnpack_int8_static for convolutions."
        raise ImporterError("NOTHING_TO_QUANTIZE", cause, remedy, "lower")


def to_half(method: Method, _: Iterable[Arguments], __: ImportOptions) -> ExportedProgram:
    """Weights and arithmetic in fp16; inputs, outputs and state stay as they were. In fp16 a counter ends at 2048."""
    return export_again(_Half(program_module(method)), method)


def with_linear_layers(module: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Turn `aten.linear` calls of an exported graph back into nn.Linear layers, which torchao looks for."""
    for number, node in enumerate(list(module.graph.nodes)):
        if node.op != "call_function" or node.target != torch.ops.aten.linear.default:
            continue
        weight, bias = node.args[1], node.args[2] if len(node.args) > 2 else None
        if weight.op != "get_attr" or (bias is not None and bias.op != "get_attr"):
            continue
        tensor = attribute(module, weight.target)
        layer = nn.Linear(tensor.shape[1], tensor.shape[0], bias is not None, device="meta")
        layer.weight = nn.Parameter(tensor.detach(), requires_grad=False)
        if bias is not None:
            layer.bias = nn.Parameter(attribute(module, bias.target).detach(), requires_grad=False)
        replace_by_module(module, node, f"linear_layer_{number}", layer, (node.args[0],))
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


class _Half(nn.Module):
    def __init__(self, inner: torch.fx.GraphModule) -> None:
        super().__init__()
        exact = {node for node in exact_nodes(inner.graph) | written(inner.graph) if _is_float(node)}
        state = {str(node.target): attribute(inner, str(node.target)) for node in exact if node.op == "get_attr"}
        self.inner = inner.half()
        for name, value in state.items():
            attribute(self.inner, name).data = value.float()
        _cast_between(inner.graph, exact)
        inner.recompile()

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        halved, named = torch.utils._pytree.tree_map(
            lambda value: _cast(value, torch.float32, torch.float16), (arguments, keywords)
        )
        result = self.inner(*halved, **named)
        return torch.utils._pytree.tree_map(lambda value: _cast(value, torch.float16, torch.float32), result)


def _is_float(node: torch.fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32


def _cast_between(graph: torch.fx.Graph, exact: set[torch.fx.Node]) -> None:
    """Put a cast where a node in fp16 takes a value of `exact`, which are fp32, and the other way round."""
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        wanted = torch.float32 if node in exact else torch.float16
        for item in node.all_input_nodes:
            if _is_float(item) and (item in exact) != (node in exact):
                with graph.inserting_before(node):
                    cast = graph.call_function(torch.ops.aten.to.dtype, (item, wanted))
                node.replace_input_with(item, cast)


def _cast(value: Any, source: torch.dtype, target: torch.dtype) -> Any:
    return value.to(target) if isinstance(value, torch.Tensor) and value.dtype == source else value
