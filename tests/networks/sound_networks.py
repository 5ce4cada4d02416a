"""Small networks that hear, for the tests of tasks. Needs torch alone."""

from __future__ import annotations

import torch
from torch import nn


class Loudness(nn.Module):
    """Speech is what is loud: 128 samples with 32 before them, and a state as a recurrent layer has one."""

    def forward(self, sound: torch.Tensor, state: torch.Tensor) -> dict[str, torch.Tensor]:
        level = 0.5 * state + 0.5 * (sound**2).mean(-1, keepdim=True)
        return {"speech": torch.sigmoid(200.0 * (level.sqrt() - 0.05)), "state": level}


class Tones(nn.Module):
    """How much of a window of 1,024 samples at 16 kHz is in each of 60 tones, 100 cents apart from 100 Hz on."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("hertz", 100.0 * 2.0 ** (torch.arange(60) / 12.0))
        angles = 2.0 * torch.pi * torch.arange(1024)[:, None] * self.hertz / 16_000.0
        window = torch.hann_window(1024)[:, None]
        self.register_buffer("waves", torch.cat([window * angles.cos(), window * angles.sin()], -1))

    def forward(self, sound: torch.Tensor) -> dict[str, torch.Tensor]:
        parts = sound @ self.waves
        power = parts[:, :60] ** 2 + parts[:, 60:] ** 2
        share = power**2 / (power**2).sum(-1, keepdim=True).clamp_min(1e-9)
        confidence = share.amax(-1, keepdim=True)
        return {"bins": share, "hertz": (share * self.hertz).sum(-1, keepdim=True), "confidence": confidence}


class Sounds(nn.Module):
    """Three classes and a vector of 800 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.hears = nn.Sequential(nn.Conv1d(1, 16, 32, stride=8), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
        self.names = nn.Linear(16, 3)

    def forward(self, sound: torch.Tensor) -> dict[str, torch.Tensor]:
        vector = self.hears(sound.unsqueeze(1))
        return {"classes": self.names(vector), "voice": vector}


class Voice(nn.Module):
    """A voice of tones: the symbol n lasts n + 1 frames of 300 samples at 24 kHz, at 100 (n + 1) Hz."""

    def forward(self, ids: torch.Tensor, speed: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        places = torch.arange(frames.shape[0])
        ends = _durations(ids, speed).cumsum(1)
        symbol = (places[:, None] >= ends).sum(1).clamp(max=ids.shape[1] - 1)
        hertz = 100.0 * (ids[0][symbol] + 1).float()
        time = torch.arange(300) / 24_000.0
        return (0.5 * torch.sin(2 * torch.pi * hertz[:, None] * time)).reshape(1, -1)


class VoiceLength(nn.Module):
    """How many frames the symbols last."""

    def forward(self, ids: torch.Tensor, speed: torch.Tensor) -> torch.Tensor:
        return _durations(ids, speed).sum(1)


def _durations(ids: torch.Tensor, speed: torch.Tensor) -> torch.Tensor:
    return ((ids + 1) / speed).round().clamp(min=1).to(torch.int64)
