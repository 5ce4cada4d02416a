"""Names and shapes of the tensors of torch's own layers, from their constructors' arguments. Standard library only."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

BATCH_NORMS = frozenset({"BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"})
_INSTANCE_NORMS = frozenset({"InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"})
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
# Layers without tensors of their own. Layers in no list may have tensors with any names.
_WITHOUT_TENSORS = """
ReLU ReLU6 LeakyReLU ELU SELU GELU SiLU Mish Tanh Sigmoid Softmax LogSoftmax Softplus Softsign Hardswish Hardsigmoid
Hardtanh GLU Identity Flatten Unflatten Dropout Dropout1d Dropout2d MaxPool1d MaxPool2d AvgPool1d AvgPool2d
AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool2d Upsample ZeroPad2d ReflectionPad2d PixelShuffle
"""
WITHOUT_TENSORS = frozenset(_WITHOUT_TENSORS.split())


@dataclass(frozen=True)
class Unknown:
    """A value that depends on a parameter: `factor` times it. Without a name it can be any value. default: the
    parameter's own, for what no shape shows, such as the number of layers."""

    name: str = ""
    factor: int = 1
    default: object = None


Size = int | Unknown
Shape = tuple[Size, ...] | None


class Arguments:
    """The arguments of a layer's constructor, by position or name."""

    def __init__(self, call: ast.Call, size: Callable[[ast.expr], object]) -> None:
        self._call = call
        self._size = size

    def value(self, place: int, name: str, default: object = None) -> object:
        for item in self._call.keywords:
            if item.arg == name:
                return self._size(item.value)
        if place < len(self._call.args):
            return self._size(self._call.args[place])
        return Unknown() if default is None else default

    def settled(self, place: int, name: str, default: object) -> object:
        """A value that no shape shows: a parameter counts as its default."""
        return default_of(self.value(place, name, default))

    def size(self, place: int, name: str, default: object = None) -> Size:
        value = self.value(place, name, default)
        return value if isinstance(value, (int, Unknown)) else Unknown()

    def sizes(self, place: int, name: str, count: int) -> tuple[Size, ...]:
        value = self.value(place, name)
        if isinstance(value, tuple):
            return tuple(item if isinstance(item, (int, Unknown)) else Unknown() for item in value)
        return (value if isinstance(value, (int, Unknown)) else Unknown(),) * count


def tensors_of(kind: str, call: Arguments) -> dict[str, Shape] | None:
    """Name and shape of each tensor of a layer; None for a kind that this module does not describe."""
    if kind == "Linear":
        return _with_bias(call, 2, (call.size(1, "out_features"), call.size(0, "in_features")))
    if kind in ("Conv1d", "Conv2d", "Conv3d"):
        kernel = call.sizes(2, "kernel_size", int(kind[4]))
        inner = _divided(call.size(0, "in_channels"), call.settled(6, "groups", 1))
        return _with_bias(call, 7, (call.size(1, "out_channels"), inner, *kernel))
    if kind in ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"):
        kernel = call.sizes(2, "kernel_size", int(kind[13]))
        outer = call.size(1, "out_channels")
        inner = _divided(outer, call.settled(7, "groups", 1))
        shapes: dict[str, Shape] = {"weight": (call.size(0, "in_channels"), inner, *kernel)}
        return shapes if call.settled(8, "bias", True) is False else {**shapes, "bias": (outer,)}
    if kind in BATCH_NORMS:
        size = (call.size(0, "num_features"),)
        own: dict[str, Shape] = {} if call.settled(3, "affine", True) is False else {"weight": size, "bias": size}
        return {**own, "running_mean": size, "running_var": size, "num_batches_tracked": ()}
    if kind in _INSTANCE_NORMS:
        size = (call.size(0, "num_features"),)
        return {"weight": size, "bias": size} if call.settled(3, "affine", False) is True else {}
    if kind == "LayerNorm":
        sizes = call.sizes(0, "normalized_shape", 1)
        return {"weight": sizes, "bias": sizes}
    if kind == "GroupNorm":
        size = (call.size(1, "num_channels"),)
        return {"weight": size, "bias": size}
    if kind == "Embedding":
        return {"weight": (call.size(0, "num_embeddings"), call.size(1, "embedding_dim"))}
    if kind == "PReLU":
        return {"weight": (call.size(0, "num_parameters", 1),)}
    return _recurrent(kind, call) if kind in _GATES else None


def _recurrent(kind: str, call: Arguments) -> dict[str, Shape] | None:
    layers, hidden = call.settled(2, "num_layers", 1), call.size(1, "hidden_size")
    if not isinstance(layers, int) or call.settled(6, "bidirectional", False) is not False:
        return None
    gates = computed(ast.Mult(), _GATES[kind], hidden)
    rows = gates if isinstance(gates, (int, Unknown)) else Unknown()
    shapes: dict[str, Shape] = {}
    for layer in range(layers):
        inner = call.size(0, "input_size") if layer == 0 else hidden
        shapes |= {f"weight_ih_l{layer}": (rows, inner), f"weight_hh_l{layer}": (rows, hidden)}
        shapes |= {f"bias_ih_l{layer}": (rows,), f"bias_hh_l{layer}": (rows,)}
    return shapes


def _with_bias(call: Arguments, place: int, weight: tuple[Size, ...]) -> dict[str, Shape]:
    bias: dict[str, Shape] = {} if call.settled(place, "bias", True) is False else {"bias": weight[:1]}
    return {"weight": weight, **bias}


def _divided(size: Size, groups: object) -> Size:
    if groups == 1:
        return size
    return size // groups if isinstance(size, int) and isinstance(groups, int) and groups > 0 else Unknown()


def computed(operator: ast.operator, left: object, right: object) -> object:
    """The result of an operator on two values, each an integer or an Unknown."""
    if isinstance(left, int) and isinstance(right, int):
        if isinstance(operator, ast.Mult):
            return left * right
        if isinstance(operator, ast.Add):
            return left + right
        if isinstance(operator, ast.Sub):
            return left - right
        if isinstance(operator, ast.FloorDiv) and right:
            return left // right
    if isinstance(operator, ast.Mult):
        known, unknown = (left, right) if isinstance(left, int) else (right, left)
        if isinstance(known, int) and known > 0 and isinstance(unknown, Unknown) and unknown.name:
            return Unknown(unknown.name, unknown.factor * known)
    return Unknown()


def default_of(value: object) -> object:
    """A value that no shape shows: of a parameter its default."""
    return value.default if isinstance(value, Unknown) else value
