"""The architecture of steering.pth: the import option `factory` names `res://models/steering.py:build`."""

from __future__ import annotations

import torch
from torch import nn


def build() -> nn.Module:
    """float32[agents, 4] (offset to the target, velocity) in, float32[agents, 2] (acceleration, -1..1) out."""
    return nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2), nn.Tanh())


def example_inputs() -> tuple[torch.Tensor, ...]:
    """One agent; the import option `inputs` declares how many there may be."""
    return (torch.zeros(2, 4),)
