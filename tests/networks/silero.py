"""A factory for silero-vad's weights: the 16 kHz network, one chunk of 512 samples with its context of 64 before it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Silero(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> dict[str, torch.Tensor]:
        spectrum = self.stft_conv(functional.pad(x, (0, 64), mode="reflect").unsqueeze(1))
        value = torch.sqrt(spectrum[:, :129] ** 2 + spectrum[:, 129:] ** 2)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            value = torch.relu(layer(value))
        hidden, cell = self.lstm_cell(value.squeeze(-1), (state[0], state[1]))
        speech = torch.sigmoid(self.final_conv(torch.relu(hidden.unsqueeze(-1))))
        return {"speech": speech.squeeze(1).mean(1, keepdim=True), "state": torch.stack([hidden, cell])}


def build() -> nn.Module:
    return Silero()


def example_inputs() -> tuple[torch.Tensor, ...]:
    return torch.randn(1, 576), torch.zeros(2, 1, 128)
