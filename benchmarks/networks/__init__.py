"""The networks that are measured, with random weights: what they compute costs the same. Imports torch."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.networks import minilm

POLICY_INPUTS = 8


def linear() -> nn.Module:
    return nn.Linear(1, 1)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 300), nn.ReLU(), nn.Linear(300, 10))


def convnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


class _Inverted(nn.Module):
    """MobileNetV2's block: wider, depthwise, narrower; added to its input when nothing changed shape."""

    def __init__(self, given: int, made: int, stride: int, wider: int) -> None:
        super().__init__()
        inner = given * wider
        self.layers = nn.Sequential(
            *_convolution(given, inner, 1, 1, 1),
            *_convolution(inner, inner, 3, stride, inner),
            nn.Conv2d(inner, made, 1, bias=False),
            nn.BatchNorm2d(made),
        )
        self.adds = stride == 1 and given == made

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value + self.layers(value) if self.adds else self.layers(value)


def _convolution(given: int, made: int, size: int, stride: int, groups: int) -> list[nn.Module]:
    convolution = nn.Conv2d(given, made, size, stride, size // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(made), nn.ReLU6()]


def mobilenet() -> nn.Module:
    """MobileNetV2 with ten classes: 2.2 million parameters."""
    blocks: list[nn.Module] = _convolution(3, 32, 3, 2, 1)
    given = 32
    for wider, made, count, stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for index in range(count):
            blocks.append(_Inverted(given, made, stride if index == 0 else 1, wider))
            given = made
    return nn.Sequential(
        *blocks, *_convolution(320, 1280, 1, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10)
    )


class _SentenceEncoder(nn.Module):
    """MiniLM with one output that has no name, for both formats."""

    def __init__(self) -> None:
        super().__init__()
        self.network = minilm.build()

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.network(tokens, mask)["embedding"]


def policy() -> nn.Module:
    return nn.Sequential(nn.Linear(POLICY_INPUTS, 32), nn.Tanh(), nn.Linear(32, 4))


BUILDERS = {
    "linear": linear,
    "linear_portable": linear,
    "mlp": mlp,
    "convnet": convnet,
    "mobilenet": mobilenet,
    "minilm": _SentenceEncoder,
    "minilm_long": _SentenceEncoder,
    "policy": policy,
}
