"""What the recipes do to a program before it is lowered. Importing this module imports torch."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from importer import int8_graph
from importer.errors import ImporterError
from importer.examples import make_tensor
from importer.int8_graph import attribute
from importer.model import Arguments, Method
from importer.options import ImportOptions
from importer.samples import inputs_of, with_tensors
from importer.torch_export import export_afresh

MOST_CALIBRATION = 200


def pt2e(
    method: Method, calibration: Iterable[Arguments], _: ImportOptions, *, per_channel: bool, dynamic: bool
) -> ExportedProgram:
    """int8 through torch's PT2E flow with XNNPACK's quantizer."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer()
    quantizer.set_global(get_symmetric_quantization_config(is_per_channel=per_channel, is_dynamic=dynamic))
    module = program_module(method)
    int8_graph.before(module, varies=_varies(method))
    with torch.no_grad():
        prepared = prepare_pt2e(module, quantizer)
        for number, (positional, keyword) in enumerate(calibration):
            if number >= MOST_CALIBRATION:
                break
            prepared(*positional, **keyword)
        converted = convert_pt2e(prepared)
    int8_graph.after(converted)
    return export_again(converted, method)


def int4_weights(method: Method, _: Iterable[Arguments], options: ImportOptions) -> ExportedProgram:
    """4-bit weights in groups for linear layers, int8 activations; everything else stays fp32."""
    from torchao.quantization.granularity import PerGroup
    from torchao.quantization.quant_api import Int8DynamicActivationIntxWeightConfig, quantize_

    module = with_linear_layers(program_module(method))
    size = options.group_size
    config = Int8DynamicActivationIntxWeightConfig(
        weight_dtype=torch.int4,  # type: ignore[attr-defined]
        weight_granularity=PerGroup(size),
    )
    chosen: list[str] = []

    def fits(layer: nn.Module, name: str) -> bool:
        fit = isinstance(layer, nn.Linear) and layer.in_features % size == 0
        if fit:
            chosen.append(name)
        return fit

    quantize_(module, config, filter_fn=fits)
    if not chosen:
        cause = f"No linear layer has a number of inputs that groups of {size} divide, so there is nothing to quantize."
        remedy = "Choose a smaller group_size, or the recipe xnnpack_int8_static for convolutions."
        raise ImporterError("NOTHING_TO_QUANTIZE", cause, remedy, "lower")
    return export_again(module, method)


def to_half(method: Method, _: Iterable[Arguments], __: ImportOptions) -> ExportedProgram:
    """Weights and arithmetic in fp16; inputs and outputs stay as they were."""
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
        name = f"linear_layer_{number}"
        module.add_submodule(name, layer)
        with module.graph.inserting_before(node):
            call = module.graph.call_module(name, (node.args[0],))
            call.meta = dict(node.meta)
        node.replace_all_uses_with(call)
        module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


class _Half(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.half()

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        halved, named = torch.utils._pytree.tree_map(
            lambda value: _cast(value, torch.float32, torch.float16), (arguments, keywords)
        )
        result = self.inner(*halved, **named)
        return torch.utils._pytree.tree_map(lambda value: _cast(value, torch.float16, torch.float32), result)


def _cast(value: Any, source: torch.dtype, target: torch.dtype) -> Any:
    return value.to(target) if isinstance(value, torch.Tensor) and value.dtype == source else value


def program_module(method: Method) -> torch.fx.GraphModule:
    """A copy of the program as a module; the original stays as it is for the comparison."""
    return copy.deepcopy(method.program).module(check_guards=False)


def export_again(module: nn.Module, method: Method) -> ExportedProgram:
    """Export with the same ranges as the first time."""
    positional, keyword = _at_maximum(method) if _convolves(method) else method.example
    return export_afresh(module, positional, keyword, _shapes(method, module))


def widen(method: Method) -> ExportedProgram:
    """The program with ranges that lowering cannot narrow.

    torch chooses how to convolve by the batch of the example: an example of 8 puts "less than 16" into the range while
    the program is lowered, and the runtime then refuses a batch of 16 that the range allows.
    """
    if not _varies(method) or not _convolves(method):
        return method.program
    try:
        return export_again(program_module(method), method)
    except Exception:  # sizes that depend on each other; the proof runs the upper bound and says if it does not hold
        return method.program


def _varies(method: Method) -> bool:
    return any(dimension.is_dynamic for spec in method.inputs for dimension in spec.dimensions)


def _convolves(method: Method) -> bool:
    return any("conv" in str(node.target) for node in method.program.graph.nodes)


def _at_maximum(method: Method) -> Arguments:
    """The example with every dynamic size at its upper end, which no guard on the example can exclude."""
    values = [
        make_tensor(spec, [dimension.maximum for dimension in spec.dimensions])
        if any(dimension.is_dynamic for dimension in spec.dimensions)
        else value
        for spec, value in zip(method.inputs, inputs_of(method.example), strict=True)
    ]
    return with_tensors(method.example, values)


def _shapes(method: Method, module: nn.Module) -> Any:
    from torch.export import Dim

    values = {node.name: node.meta.get("val") for node in method.program.graph.nodes if node.op == "placeholder"}
    dims: dict[str, Any] = {}
    shapes: list[Any] = []
    # One more than asked for: "not less than 16" must leave more than the one size 16.
    spare = 1 if _convolves(method) else 0
    for name, spec in zip(method.program.graph_signature.user_inputs, method.inputs, strict=True):
        axes = {}
        for axis, dimension in enumerate(spec.dimensions):
            if dimension.is_dynamic:
                # The same symbol of the first export is the same size again.
                symbol = str(values[name].shape[axis])
                key = symbol if symbol.isidentifier() else f"{name}_{axis}"
                axes[axis] = dims.setdefault(key, Dim(f"d_{key}", min=dimension.minimum, max=dimension.maximum + spare))
        shapes.append(axes or None)
    if not dims:
        return None
    # Inputs may lie in tuples and dictionaries.
    structure = torch.utils._pytree.tree_structure(method.example)
    positional, keywords = torch.utils._pytree.tree_unflatten(shapes, structure)
    if isinstance(module, _Half):
        named = {"arguments": positional} if positional else {}
        return {**named, **({"keywords": keywords} if keywords else {})}
    return (*positional, *keywords.values())
