"""What a call of a method may change: buffers and parameters, kept and put back. Imports torch."""

from __future__ import annotations

import torch

from importer.model import Method


def snapshot(method: Method) -> dict[str, torch.Tensor]:
    """A copy of everything that a call may change, to be restored with `restore`."""
    buffers = set(method.program.graph_signature.buffers) | {name for name, _ in method.eager.named_buffers()}
    saved = {name: value.detach().clone() for name, value in _state(method.eager).items() if name in buffers}
    return saved | {name: value.detach().clone() for name, value in _state_of_values(method).items()}


def restore(method: Method, saved: dict[str, torch.Tensor]) -> None:
    state = {**_state(method.eager), **_state_of_values(method)}
    with torch.no_grad():
        for name, value in saved.items():
            state[name].copy_(value)


def _state_of_values(method: Method) -> dict[str, torch.Tensor]:
    # A name that no tensor of the model itself has.
    return {f"values {name}": value for name, value in method.values.named_buffers()} if method.values else {}


def _state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_buffers()), **dict(module.named_parameters())}
