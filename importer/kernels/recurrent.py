"""The operators `godot_executorch::lstm`, `gru` and `rnn`: one direction of one layer over a whole sequence.

`gates` is the input's product with both biases added: [steps, batch, gates * size], or [batch, steps, ...] with
`batch_first`; the gates are torch's own, in torch's order. `weight` is the hidden product's weight as `packed` lays it
out. `hidden` and `cell` are [batch, size]. The results are the output of every step and the last state.
The native side is native/src/kernels/recurrent_operators.cpp. Importing this module imports torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

NAMESPACE = "godot_executorch"
# Columns of a weight that lie together: kBlockColumns in native/src/kernels/recurrent.h.
BLOCK_COLUMNS = 64

# torch.library has no types.
_torch_library: Any = torch.library
_library = _torch_library.Library(NAMESPACE, "DEF")
_RESULTS = {"lstm": ("output", "last_hidden", "last_cell"), "gru": ("output", "last_hidden")}
_RESULTS["rnn"] = _RESULTS["gru"]
_ARGUMENTS = {
    "lstm": "Tensor gates, Tensor weight, Tensor hidden, Tensor cell, bool batch_first, bool reverse",
    "gru": "Tensor gates, Tensor weight, Tensor bias, Tensor hidden, bool batch_first, bool reverse",
    "rnn": "Tensor gates, Tensor weight, Tensor hidden, bool relu, bool batch_first, bool reverse",
}
for _name, _arguments in _ARGUMENTS.items():
    _plain = ", ".join("Tensor" for _ in _RESULTS[_name])
    _outs = ", ".join(f"Tensor({'abc'[i]}!) {result}" for i, result in enumerate(_RESULTS[_name]))
    _returned = ", ".join(f"Tensor({'abc'[i]}!)" for i, _ in enumerate(_RESULTS[_name]))
    _library.define(f"{_name}({_arguments}) -> ({_plain})")
    _library.define(f"{_name}.out({_arguments}, *, {_outs}) -> ({_returned})")


def packed(weight: Tensor) -> Tensor:
    """A weight [columns, inputs] as the kernels read it: [blocks, inputs, BLOCK_COLUMNS], zeros at the end."""
    columns, inputs = weight.shape
    blocks = -(-columns // BLOCK_COLUMNS)
    padded = torch.nn.functional.pad(weight, (0, 0, 0, blocks * BLOCK_COLUMNS - columns))
    return padded.reshape(blocks, BLOCK_COLUMNS, inputs).transpose(1, 2).contiguous()


def _unpacked(weight: Tensor, columns: int) -> Tensor:
    return weight.transpose(1, 2).reshape(-1, weight.shape[1])[:columns]


def _steps(gates: Tensor, batch_first: bool, reverse: bool) -> list[Tensor]:
    steps = list(gates.unbind(1 if batch_first else 0))
    return steps[::-1] if reverse else steps


def _joined(outputs: list[Tensor], batch_first: bool, reverse: bool) -> Tensor:
    return torch.stack(outputs[::-1] if reverse else outputs, 1 if batch_first else 0)


def _lstm(
    gates: Tensor, weight: Tensor, hidden: Tensor, cell: Tensor, batch_first: bool, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    recurrent = _unpacked(weight, gates.shape[2]).t()
    outputs = []
    for item in _steps(gates, batch_first, reverse):
        enter, forget, new, leave = (item + hidden @ recurrent).chunk(4, dim=1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
        hidden = torch.sigmoid(leave) * torch.tanh(cell)
        outputs.append(hidden)
    return _joined(outputs, batch_first, reverse), hidden.clone(), cell.clone()


def _gru(
    gates: Tensor, weight: Tensor, bias: Tensor, hidden: Tensor, batch_first: bool, reverse: bool
) -> tuple[Tensor, Tensor]:
    recurrent = _unpacked(weight, gates.shape[2]).t()
    outputs = []
    for item in _steps(gates, batch_first, reverse):
        entering = item.chunk(3, dim=1)
        inner = (hidden @ recurrent + bias).chunk(3, dim=1)
        reset = torch.sigmoid(entering[0] + inner[0])
        keep = torch.sigmoid(entering[1] + inner[1])
        new = torch.tanh(entering[2] + reset * inner[2])
        hidden = (hidden - new) * keep + new
        outputs.append(hidden)
    return _joined(outputs, batch_first, reverse), hidden.clone()


def _rnn(
    gates: Tensor, weight: Tensor, hidden: Tensor, relu: bool, batch_first: bool, reverse: bool
) -> tuple[Tensor, Tensor]:
    recurrent = _unpacked(weight, gates.shape[2]).t()
    activation = torch.relu if relu else torch.tanh
    outputs = []
    for item in _steps(gates, batch_first, reverse):
        hidden = activation(item + hidden @ recurrent)
        outputs.append(hidden)
    return _joined(outputs, batch_first, reverse), hidden.clone()


def _shapes(gates: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    return gates.new_empty((gates.shape[0], gates.shape[1], hidden.shape[1])), hidden.new_empty(hidden.shape)


def _lstm_shapes(
    gates: Tensor, weight: Tensor, hidden: Tensor, cell: Tensor, batch_first: bool, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    return (*_shapes(gates, hidden), cell.new_empty(cell.shape))


def _gru_shapes(
    gates: Tensor, weight: Tensor, bias: Tensor, hidden: Tensor, batch_first: bool, reverse: bool
) -> tuple[Tensor, Tensor]:
    return _shapes(gates, hidden)


def _rnn_shapes(
    gates: Tensor, weight: Tensor, hidden: Tensor, relu: bool, batch_first: bool, reverse: bool
) -> tuple[Tensor, Tensor]:
    return _shapes(gates, hidden)


for _name, _implementation, _fake in (
    ("lstm", _lstm, _lstm_shapes),
    ("gru", _gru, _gru_shapes),
    ("rnn", _rnn, _rnn_shapes),
):
    _torch_library.impl(_library, _name, "CompositeExplicitAutograd")(_implementation)
    _torch_library.register_fake(f"{NAMESPACE}::{_name}", lib=_library)(_fake)
