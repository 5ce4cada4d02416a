"""A transformer encoder of a sentence model's shape (3 layers, width 192), with random weights, for pictures.

python encoder.py FILE.pt2
"""

from __future__ import annotations

import sys

import torch
from torch import nn


class Block(nn.Module):
    """Self attention and a feed forward part, normalised after each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.widen = nn.Linear(width, width * 4)
        self.narrow = nn.Linear(width * 4, width)
        self.first_norm = nn.LayerNorm(width)
        self.second_norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        shape = (batch, length, self.heads, width // self.heads)
        query, key, value = (part(x).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value))
        scores = torch.softmax(query @ key.transpose(-1, -2) / shape[-1] ** 0.5, -1)
        mixed = (scores @ value).transpose(1, 2).reshape(batch, length, width)
        x = self.first_norm(x + self.out(mixed))
        return self.second_norm(x + self.narrow(nn.functional.gelu(self.widen(x))))


class Encoder(nn.Module):
    """Tokens in, one vector out: int64[1, 32] to float32[1, 192]."""

    def __init__(self, layers: int = 3, width: int = 192, words: int = 2000) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Embedding(32, width)
        self.blocks = nn.ModuleList(Block(width, 6) for _ in range(layers))
        self.register_buffer("place", torch.arange(32))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.words(tokens) + self.places(self.place)
        for block in self.blocks:
            x = block(x)
        return x.mean(1)


if __name__ == "__main__":
    torch.manual_seed(3)
    program = torch.export.export(Encoder().eval(), (torch.randint(0, 2000, (1, 32)),))
    torch.export.save(program, sys.argv[1])
