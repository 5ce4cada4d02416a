"""A factory for all-MiniLM-L6-v2: BERT with six layers, names as in its safetensors file."""

from __future__ import annotations

import torch
from torch import nn

WIDTH, HEADS, INNER, LAYERS = 384, 12, 1536, 6


class Embeddings(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(30522, WIDTH)
        self.position_embeddings = nn.Embedding(512, WIDTH)
        self.token_type_embeddings = nn.Embedding(2, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.register_buffer("position_ids", torch.arange(512).unsqueeze(0))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        places = self.position_embeddings(self.position_ids[:, : tokens.shape[1]])
        return self.LayerNorm(self.word_embeddings(tokens) + places + self.token_type_embeddings.weight[0])


class Parts(nn.Module):
    """Modules under the names of the file; one of them is "self", which no keyword can be."""

    def __init__(self, parts: dict[str, nn.Module]) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        own = Parts({name: nn.Linear(WIDTH, WIDTH) for name in ("query", "key", "value")})
        after = Parts({"dense": nn.Linear(WIDTH, WIDTH), "LayerNorm": nn.LayerNorm(WIDTH, eps=1e-12)})
        self.attention = Parts({"self": own, "output": after})
        self.intermediate = Parts({"dense": nn.Linear(WIDTH, INNER)})
        self.output = Parts({"dense": nn.Linear(INNER, WIDTH), "LayerNorm": nn.LayerNorm(WIDTH, eps=1e-12)})

    def forward(self, value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        own, after = self.attention.get_submodule("self"), self.attention.output
        batch, steps, _ = value.shape
        query, key, content = (
            layer(value).view(batch, steps, HEADS, WIDTH // HEADS).transpose(1, 2)
            for layer in (own.query, own.key, own.value)
        )
        scores = query @ key.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5 + mask
        mixed = (torch.softmax(scores, -1) @ content).transpose(1, 2).reshape(batch, steps, WIDTH)
        value = after.LayerNorm(value + after.dense(mixed))
        inner = nn.functional.gelu(self.intermediate.dense(value))
        return self.output.LayerNorm(value + self.output.dense(inner))


class MiniLm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = Parts({"layer": nn.ModuleList(Layer() for _ in range(LAYERS))})
        self.pooler = Parts({"dense": nn.Linear(WIDTH, WIDTH)})

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        kept = attention_mask.to(torch.float32)
        mask = (1.0 - kept)[:, None, None, :] * -10000.0
        value = self.embeddings(input_ids)
        for layer in self.encoder.layer:
            value = layer(value, mask)
        total = (value * kept.unsqueeze(-1)).sum(1) / kept.sum(1, keepdim=True).clamp(min=1e-9)
        return {"embedding": total / total.norm(dim=1, keepdim=True)}


def build() -> nn.Module:
    return MiniLm()


def example_inputs() -> tuple[torch.Tensor, ...]:
    words = torch.tensor([[101, 1996, 4248, 2829, 4419, 14523, 2058, 1996, 13971, 3899, 1012, 102]])
    return words, torch.ones_like(words)
