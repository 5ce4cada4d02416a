"""Recurrent layers in the operators of importer/kernels/recurrent.py. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from importer.kernels.recurrent import NAMESPACE, packed

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


class KernelLayers(nn.Module):
    """All layers and directions of one `nn.LSTM`, `nn.GRU` or `nn.RNN`: the input's products are linear layers over the
    whole sequence, the hidden products run in one call for each layer and direction.

    weights: as `torch.ops.aten.lstm` takes them: `weight_ih, weight_hh[, bias_ih, bias_hh]` by layer and direction.
    """

    def __init__(
        self, kind: str, has_biases: bool, layers: int, both: bool, batch_first: bool, weights: Sequence[Tensor]
    ) -> None:
        super().__init__()
        self.kind, self.layers, self.both, self.batch_first = kind, layers, both, batch_first
        each = 4 if has_biases else 2
        for index in range(layers * (2 if both else 1)):
            own = [weight.detach() for weight in weights[index * each : (index + 1) * each]]
            bias = own[2] if has_biases else own[0].new_zeros(own[0].shape[0])
            inner = own[3] if has_biases else torch.zeros_like(bias)
            self.register_buffer(f"input_weight_{index}", own[0].clone())
            # The GRU multiplies a part of the hidden product by a gate, its bias too.
            self.register_buffer(f"input_bias_{index}", bias.clone() if kind == "gru" else bias + inner)
            self.register_buffer(f"hidden_bias_{index}", inner.clone() if kind == "gru" else None)
            self.register_buffer(f"hidden_weight_{index}", packed(own[1]))

    @staticmethod
    def can_run(kind: str, has_biases: bool, weights: Sequence[Tensor], layers: int, both: bool) -> bool:
        """Whether the kernels compute it: float32, and no projection of the state (`proj_size`)."""
        each = 4 if has_biases else 2
        fits = len(weights) == each * layers * (2 if both else 1)
        return kind in _GATES and fits and all(weight.dtype == torch.float32 for weight in weights)

    def forward(self, value: Tensor, states: list[Tensor]) -> tuple[Tensor, ...]:
        """value: [steps, batch, inputs] or batch first; states: [layers * directions, batch, size] each."""
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.layers):
            results = []
            for direction in range(2 if self.both else 1):
                index = layer * (2 if self.both else 1) + direction
                output, *final = self._run(index, value, [state[index] for state in states], direction == 1)
                results.append(output)
                last.append(tuple(final))
            value = torch.cat(results, -1) if len(results) == 2 else results[0]
        return (value, *(torch.stack([final[part] for final in last]) for part in range(len(states))))

    def _run(self, index: int, value: Tensor, states: list[Tensor], reverse: bool) -> tuple[Tensor, ...]:
        gates = functional.linear(value, self._buffer("input_weight", index), self._buffer("input_bias", index))
        weight = self._buffer("hidden_weight", index)
        operators = getattr(torch.ops, NAMESPACE)
        if self.kind == "lstm":
            result = operators.lstm(gates, weight, *states, self.batch_first, reverse)
        elif self.kind == "gru":
            bias = self._buffer("hidden_bias", index)
            result = operators.gru(gates, weight, bias, states[0], self.batch_first, reverse)
        else:
            result = operators.rnn(gates, weight, states[0], self.kind == "rnn_relu", self.batch_first, reverse)
        return tuple(result)

    def _buffer(self, name: str, index: int) -> Tensor:
        value = getattr(self, f"{name}_{index}")
        assert isinstance(value, Tensor)
        return value
