"""The kinds of networks that `python3 dev.py bench zoo` compares, small and with random weights. Imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ZooNetwork:
    """One kind of network: what it is called in the table, how it is built, and the inputs that it is called with."""

    title: str
    build: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Tensor, ...]]


class GraphNetwork(nn.Module):
    """Three rounds of messages along edges: gather, a linear layer, and a sum by target node."""

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        self.messages = nn.ModuleList(nn.Linear(2 * features, features) for _ in range(3))
        self.updates = nn.ModuleList(nn.Linear(2 * features, features) for _ in range(3))

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        source, target = edges[0], edges[1]
        for message, update in zip(self.messages, self.updates, strict=True):
            sent = torch.relu(message(torch.cat((nodes[source], nodes[target]), dim=1)))
            received = torch.zeros_like(nodes).index_add(0, target, sent)
            nodes = torch.relu(update(torch.cat((nodes, received), dim=1)))
        return nodes


class Recurrent(nn.Module):
    """A recurrent layer over a whole sequence, and a linear layer on what it gives."""

    def __init__(self, layer: nn.Module, features: int) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(features, 16)

    def forward(self, sequence: Tensor) -> Tensor:
        steps, _ = self.layer(sequence)
        return self.head(steps)


class CellPolicy(nn.Module):
    """A policy with a GRU cell: an observation and a state in, an action and the next state out."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(32, 64)
        self.cell = nn.GRUCell(64, 64)
        self.act = nn.Linear(64, 8)

    def forward(self, observation: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        following = self.cell(torch.relu(self.encode(observation)), state)
        return self.act(following), following


class CausalBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, value: Tensor) -> Tensor:
        batch, tokens, width = value.shape
        parts = self.project(self.before(value)).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, content = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(query, key, content, is_causal=True)
        value = value + self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return value + self.mlp(self.between(value))


class Residual(nn.Module):
    def __init__(self, channels: int, normalize: Callable[[int], nn.Module] | None = None) -> None:
        super().__init__()
        make = normalize or nn.BatchNorm2d
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), make(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), make(channels),
        )  # fmt: skip

    def forward(self, value: Tensor) -> Tensor:
        return torch.relu(value + self.layers(value))


class Hardswished(nn.Module):
    """MobileNetV3's block: wider, depthwise 5 x 5, squeeze and excitation, narrower."""

    def __init__(self, channels: int, wide: int) -> None:
        super().__init__()
        self.widen = nn.Sequential(nn.Conv2d(channels, wide, 1), nn.BatchNorm2d(wide), nn.Hardswish())
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 5, padding=2, groups=wide), nn.BatchNorm2d(wide), nn.Hardswish()
        )
        self.excite = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, wide // 4, 1), nn.ReLU(),
            nn.Conv2d(wide // 4, wide, 1), nn.Hardsigmoid(),
        )  # fmt: skip
        self.narrow = nn.Sequential(nn.Conv2d(wide, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, value: Tensor) -> Tensor:
        inner = self.depthwise(self.widen(value))
        return value + self.narrow(inner * self.excite(inner))


class UNet(nn.Module):
    """Three levels, bilinear upsampling, skip connections."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList((_double(3, 16), _double(16, 32), _double(32, 64)))
        self.up = nn.ModuleList((_double(96, 32), _double(48, 16)))
        self.pool = nn.MaxPool2d(2)
        self.grow = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.head = nn.Conv2d(16, 2, 1)

    def forward(self, picture: Tensor) -> Tensor:
        first = self.down[0](picture)
        second = self.down[1](self.pool(first))
        value = self.down[2](self.pool(second))
        value = self.up[0](torch.cat((self.grow(value), second), dim=1))
        return self.head(self.up[1](torch.cat((self.grow(value), first), dim=1)))


class Spectrum(nn.Module):
    """Log magnitudes of a short-time Fourier transform, and a linear layer on them."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(400))
        self.head = nn.Linear(201, 32)

    def forward(self, sound: Tensor) -> Tensor:
        bins = torch.stft(sound, 400, 160, window=self.window, return_complex=True)
        parts = torch.view_as_real(bins)
        power = (parts * parts).sum(dim=-1)
        return self.head(torch.log(power + 1e-6).transpose(1, 2))


def _double(given: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, made, 3, padding=1), nn.BatchNorm2d(made), nn.ReLU(),
        nn.Conv2d(made, made, 3, padding=1), nn.BatchNorm2d(made), nn.ReLU(),
    )  # fmt: skip


def _generator() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(64, 64, 4, 1, 0), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip


def _group_norm() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.GroupNorm(8, 32), nn.SiLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.GroupNorm(8, 32), nn.SiLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.GroupNorm(8, 32), nn.SiLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def _style() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 9, padding=4), nn.InstanceNorm2d(16, affine=True), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1), nn.InstanceNorm2d(32, affine=True), nn.ReLU(),
        *(Residual(32, lambda channels: nn.InstanceNorm2d(channels, affine=True)) for _ in range(3)),
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(32, 16, 3, padding=1), nn.InstanceNorm2d(16, affine=True), nn.ReLU(),
        nn.Conv2d(16, 3, 9, padding=4),
    )  # fmt: skip


def _encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, activation="gelu", batch_first=True)
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)


def _super_resolution() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 12, 3, padding=1), nn.PixelShuffle(2),
    )  # fmt: skip


def _policy() -> nn.Module:
    return nn.Sequential(nn.Linear(48, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 12))


def _elu_policy() -> nn.Module:
    return nn.Sequential(
        nn.Linear(235, 256), nn.ELU(), nn.Linear(256, 128), nn.ELU(), nn.Linear(128, 64), nn.ELU(), nn.Linear(64, 12)
    )


def _audio() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(1, 32, 9, 4, 4), nn.BatchNorm1d(32), nn.ReLU(),
        nn.Conv1d(32, 64, 9, 4, 4), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Conv1d(64, 64, 9, 4, 4), nn.BatchNorm1d(64), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def _ceiled() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 28, 3), nn.PReLU(28), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(28, 48, 3), nn.PReLU(48), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(48, 64, 2), nn.PReLU(64), nn.Flatten(), nn.Linear(576, 128), nn.PReLU(128), nn.Linear(128, 4),
    )  # fmt: skip


def _volumes() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(8, 16, 3, padding=1), nn.BatchNorm3d(16), nn.ReLU(),
        nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


def _mlp() -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(64), nn.Linear(64, 128), nn.GELU(), nn.LayerNorm(128), nn.Linear(128, 64), nn.GELU(),
        nn.Linear(64, 8),
    )  # fmt: skip


def _normal(*shape: int) -> Callable[[], tuple[Tensor, ...]]:
    return lambda: (torch.randn(*shape),)


NETWORKS: dict[str, ZooNetwork] = {
    "graph": ZooNetwork("graph network, `index_add` (200 nodes, 800 edges)", GraphNetwork,
                        lambda: (torch.randn(200, 64), torch.randint(0, 200, (2, 800)))),
    "bilstm": ZooNetwork("bidirectional LSTM 128, 32 steps",
                         lambda: Recurrent(nn.LSTM(64, 128, batch_first=True, bidirectional=True), 256),
                         _normal(1, 32, 64)),
    "lstm": ZooNetwork("LSTM 2 x 128, 32 steps", lambda: Recurrent(nn.LSTM(64, 128, 2, batch_first=True), 128),
                       _normal(1, 32, 64)),
    "gru": ZooNetwork("GRU 96, 100 steps", lambda: Recurrent(nn.GRU(40, 96, batch_first=True), 96),
                      _normal(1, 100, 40)),
    "generator": ZooNetwork("transposed convolutions (generator, 4 layers)", _generator, _normal(1, 64, 1, 1)),
    "groupnorm": ZooNetwork("GroupNorm + SiLU convnet", _group_norm, _normal(1, 3, 32, 32)),
    "causal": ZooNetwork("causal transformer 4 x 192, 64 tokens",
                         lambda: nn.Sequential(*(CausalBlock(192, 4) for _ in range(4))), _normal(1, 64, 192)),
    "encoder": ZooNetwork("transformer encoder 4 x 256, 64 tokens", _encoder, _normal(1, 64, 256)),
    "style": ZooNetwork("InstanceNorm style network 128 x 128", _style, _normal(1, 3, 128, 128)),
    "hardswish": ZooNetwork("depthwise + hardswish",
                            lambda: nn.Sequential(*(Hardswished(24, 72) for _ in range(3))), _normal(1, 24, 28, 28)),
    "residual": ZooNetwork("residual blocks 64 x 56 x 56", lambda: nn.Sequential(*(Residual(64) for _ in range(2))),
                           _normal(1, 64, 56, 56)),
    "mlp_norm": ZooNetwork("LayerNorm + GELU MLP, batch 256", _mlp, _normal(256, 64)),
    "unet": ZooNetwork("U-Net with bilinear upsampling", UNet, _normal(1, 3, 64, 64)),
    "superresolution": ZooNetwork("super-resolution (pixel shuffle)", _super_resolution, _normal(1, 3, 64, 64)),
    "policy": ZooNetwork("policy, tanh (48 -> 12)", _policy, _normal(1, 48)),
    "policy_elu": ZooNetwork("policy, ELU (235 -> 12)", _elu_policy, _normal(1, 235)),
    "cell": ZooNetwork("policy with a GRU cell", CellPolicy, lambda: (torch.randn(1, 32), torch.zeros(1, 64))),
    "audio": ZooNetwork("Conv1d audio (1 s at 16 kHz)", _audio, _normal(1, 1, 16000)),
    "spectrum": ZooNetwork("STFT (1 s at 16 kHz)", Spectrum, _normal(1, 16000)),
    "prelu": ZooNetwork("PReLU with `ceil_mode`", _ceiled, _normal(1, 3, 24, 24)),
    "volumes": ZooNetwork("Conv3d (16 x 16 x 16)", _volumes, _normal(1, 1, 16, 16, 16)),
}  # fmt: skip
