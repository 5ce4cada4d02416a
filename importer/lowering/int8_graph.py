"""Workarounds for errors of XNNPACK's int8, in the graph before and after PT2E. Imports torch."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

import torch
from torch import nn
from torch.fx.node import Argument

from importer.errors import ImporterError
from importer.exporting.reexport import attribute
from importer.lowering import int8_state

_AVERAGES = (
    torch.ops.aten.mean.dim,
    torch.ops.aten.mean.default,
    torch.ops.aten.adaptive_avg_pool2d.default,
)
_LAYERS = ("conv", "linear")


def before(
    module: torch.fx.GraphModule,
    varies: bool,
    uneven: list[torch.fx.Node],
    *,
    is_dynamic: bool,
    is_trained: bool = False,
) -> None:
    """Prepare a graph for XNNPACK's quantizer. varies: the sizes of the inputs may differ from call to call. uneven:
    nodes whose results one scale cannot hold; they stay fp32. is_dynamic: activations are quantized as they come.
    is_trained: the graph is trained, so that all calls of a layer keep one weight."""
    for node in uneven:
        _leave_up_to_layers(node)
    for node in int8_state.exact_nodes(module.graph):
        _leave(node)
    if is_trained:
        _leave_layers_called_twice(module)
    else:
        _give_each_call_its_weights(module)
    _keep_integers(module)
    _leave_computed_weights(module)
    if is_dynamic:
        _leave_transposed_of_one_channel(module)
    _leave_single_numbers(module)
    if varies:
        _leave_averages(module)
    module.recompile()


def _leave_up_to_layers(node: torch.fx.Node) -> None:
    """Leave a node alone and what takes its result, up to the next layers: int8 has one scale for their input too."""
    waiting, seen = [node], {node}
    while waiting:
        left = waiting.pop()
        _leave(left)
        if left is node or not _kind(left).startswith(_LAYERS):
            following = [user for user in left.users if user.op == "call_function" and user not in seen]
            seen.update(following)
            waiting += following


def leave_layers(module: torch.fx.GraphModule, names: Collection[str]) -> None:
    """Keep the layers of these names out of int8. Raises LAYER_UNKNOWN."""
    layers = layers_of(module)
    known = list(dict.fromkeys(layers.values()))
    if unknown := next((name for name in names if name not in known), None):
        near = get_close_matches(unknown, known, 5, 0.0) if known else []
        cause = f"There is no convolution or linear layer '{unknown:.80}'."
        remedy = f"The nearest names are: {', '.join(near)}." if near else "Leave the option 'float_layers' empty."
        raise ImporterError("LAYER_UNKNOWN", cause, remedy, "lower")
    for node, name in layers.items():
        if name in names:
            _leave(node)


def layers_of(module: torch.fx.GraphModule) -> dict[torch.fx.Node, str]:
    """The convolutions and linear layers with stored weights, and the names of the modules that have them. Between a
    weight and its layer there may be its quantization."""
    found = {}
    for node in module.graph.nodes:
        if _kind(node).startswith(_LAYERS) and len(node.args) > 1:
            weight = node.args[1]
            while isinstance(weight, torch.fx.Node) and weight.op == "call_function" and weight.args:
                weight = weight.args[0]
            if isinstance(weight, torch.fx.Node) and weight.op == "get_attr":
                found[node] = str(weight.target).rpartition(".")[0] or str(weight.target)
    return found


def compute_in_half(module: torch.fx.GraphModule, names: Collection[str]) -> None:
    """Compute the layers of these names, which are not int8, in fp16: their weights are stored so, their inputs and
    results are converted. To be called when the rest is int8, because calibration and folding expect fp32."""
    for node in [node for node, name in layers_of(module).items() if name in names]:
        with module.graph.inserting_before(node):
            node.args = tuple(_in_half(module, argument) for argument in node.args)
        with module.graph.inserting_after(node):
            result = module.graph.call_function(torch.ops.aten.to.dtype, (node, torch.float32))
        for user in [user for user in node.users if user is not result]:
            user.replace_input_with(node, result)
    module.graph.eliminate_dead_code()
    module.recompile()


def after(module: torch.fx.GraphModule) -> None:
    """XNNPACK makes an int8 operator of padding whose input was quantized, also when the input comes to it as fp32, and
    the runtime refuses that. It does not when the two are not neighbours."""
    for node in list(module.graph.nodes):
        if _kind(node) not in ("pad", "constant_pad_nd") or "dequantize" not in _kind(node.args[0]):
            continue
        if not any(_kind(user).startswith("quantize") for user in node.users):
            _times_one(module, node.args[0], [node])
    module.recompile()


def _in_half(module: torch.fx.GraphModule, argument: Argument) -> Argument:
    """A layer's input, weight or bias in fp16; other arguments as they are."""
    if not isinstance(argument, torch.fx.Node):
        return argument
    if argument.op != "get_attr":
        return module.graph.call_function(torch.ops.aten.to.dtype, (argument, torch.float16))
    owner, _, name = str(argument.target).rpartition(".")
    halved = nn.Parameter(attribute(module, str(argument.target)).detach().half(), requires_grad=False)
    module.get_submodule(owner).register_parameter(f"{name}_half", halved)
    return module.graph.get_attr(f"{argument.target}_half")


def _give_each_call_its_weights(module: torch.fx.GraphModule) -> None:
    """A layer that is called twice has copies of its weight and bias. XNNPACK's quantizer leaves the second call alone,
    and its lowering scales the bias for the input of the first: the second was refused by the runtime, or wrong."""
    state = int8_state.written(module.graph)
    for node in list(module.graph.nodes):
        if node.op != "get_attr" or node in state:
            continue
        owner, _, name = str(node.target).rpartition(".")
        for number, user in enumerate(_layers_with_weight(node)[1:], 2):
            copied = nn.Parameter(attribute(module, str(node.target)).detach().clone(), requires_grad=False)
            module.get_submodule(owner).register_parameter(f"{name}_{number}", copied)
            with module.graph.inserting_after(node):
                own = module.graph.get_attr(f"{node.target}_{number}")
            own.meta = dict(node.meta)
            user.replace_input_with(node, own)


def _leave_layers_called_twice(module: torch.fx.GraphModule) -> None:
    for node in module.graph.nodes:
        users = _layers_with_weight(node)
        if node.op == "get_attr" and len(users) > 1:
            for user in users:
                _leave(user)


def _layers_with_weight(node: torch.fx.Node) -> list[torch.fx.Node]:
    """The layers of which a tensor is the weight or bias."""
    return [user for user in node.users if _kind(user).startswith(_LAYERS) and node in user.args[1:]]


def _keep_integers(module: torch.fx.GraphModule) -> None:
    """XNNPACK's quantizer makes a float tensor of every number that is added or multiplied, also of those that are
    added to an index; in the operator's form for numbers it does not see them."""
    scalar_forms = {
        torch.ops.aten.add.Tensor: torch.ops.aten.add.Scalar,
        torch.ops.aten.mul.Tensor: torch.ops.aten.mul.Scalar,
    }
    for node in module.graph.nodes:
        form = scalar_forms.get(node.target) if node.op == "call_function" else None
        if form and isinstance(node.args[1], int) and not node.meta["val"].dtype.is_floating_point:
            node.target = form


def _leave_computed_weights(module: torch.fx.GraphModule) -> None:
    """XNNPACK supports only layers with stored weights, and the runtime has no kernel that quantizes a weight."""
    for node in module.graph.nodes:
        if _kind(node).startswith(_LAYERS) and node.args[1].op != "get_attr":
            _leave(node)


def _leave_transposed_of_one_channel(module: torch.fx.GraphModule) -> None:
    """XNNPACK has no dynamic form of depthwise convolutions. Its quantizer leaves them alone, but not a transposed one
    with one input channel, which its partitioner takes for depthwise: then nobody computed the quantization."""
    for node in module.graph.nodes:
        if _kind(node).startswith("conv_transpose") and node.args[1].meta["val"].shape[0] == 1:
            _leave(node)


def _leave_single_numbers(module: torch.fx.GraphModule) -> None:
    """XNNPACK has no int8 tensors without dimensions, such as `x.mean()`; what takes one stays fp32 too."""
    for node in module.graph.nodes:
        tensors = [other.meta.get("val") for other in (node, *node.all_input_nodes)]
        if node.op == "call_function" and any(isinstance(t, torch.Tensor) and t.dim() == 0 for t in tensors):
            _leave(node)


def _leave_averages(module: torch.fx.GraphModule) -> None:
    """XNNPACK's int8 average is wrong in a call with more rows than the first one had. In fp32 it is right, and fp32 it
    is when what follows is not a quantization: therefore the product with 1."""
    for node in list(module.graph.nodes):
        if node.op == "call_function" and node.target in _AVERAGES:
            _leave(node)
            _leave(_times_one(module, node, list(node.users)))


def _times_one(module: torch.fx.GraphModule, node: torch.fx.Node, users: list[torch.fx.Node]) -> torch.fx.Node:
    """Put a product with 1 between a node and some of its users."""
    with module.graph.inserting_after(node):
        product = module.graph.call_function(torch.ops.aten.mul.Tensor, (node, 1.0))
    product.meta["val"] = node.meta.get("val")
    for user in users:
        user.replace_input_with(node, product)
    return product


def _leave(node: torch.fx.Node) -> None:
    """Mark a node so that the quantizer leaves it alone."""
    from torchao.quantization.pt2e.quantizer import QuantizationAnnotation

    node.meta["quantization_annotation"] = QuantizationAnnotation(_annotated=True)


def _kind(node: torch.fx.Node) -> str:
    """The operator's name without its library and form; empty for nodes that are not calls."""
    return str(node.target).partition(".")[2].partition(".")[0] if node.op == "call_function" else ""
