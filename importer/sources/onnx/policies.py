"""Policies of ML-Agents and godot_rl: their state is an input and an output of each step; the session keeps it.

Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

_PAIRS = (("recurrent_in", "recurrent_out"), ("state_ins", "state_outs"))
"""The names of a state before and after a step: of ML-Agents, of godot_rl."""


@dataclass(frozen=True)
class State:
    """A state that the program keeps, by its places among the inputs and outputs."""

    name: str
    taken: int
    given: int


def state_of(inputs: Sequence[str], outputs: Sequence[str]) -> State | None:
    """The state of a policy; nothing for another model."""
    for before, after in _PAIRS:
        if before in inputs and after in outputs and len(outputs) > 1:
            return State(before, inputs.index(before), outputs.index(after))
    return None


class WithState(nn.Module):
    """A policy as one step: its state is a buffer, zeros at first, in place of an input and an output."""

    def __init__(self, inner: nn.Module, state: State, first: torch.Tensor) -> None:
        super().__init__()
        self.inner = inner
        self._taken, self._given = state.taken, state.given
        self.register_buffer("state", torch.zeros_like(first))

    def forward(self, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        state = self.get_buffer("state")
        found = list(self.inner(*arguments[: self._taken], state.clone(), *arguments[self._taken :]))
        state.copy_(found.pop(self._given).reshape(state.shape))
        return tuple(found)
