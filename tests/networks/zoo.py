"""The small networks of the tests, used as a factory too: `zoo.py:build` with {"name": ...}. Needs torch alone."""

from __future__ import annotations

import copy

import torch
from torch import nn


def build(name: str = "mlp", **arguments: object) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = MODELS[name](**arguments)
    return model


def linear() -> nn.Module:
    """2x + 3."""
    layer = nn.Linear(1, 1).requires_grad_(False)
    layer.weight.fill_(2.0)
    layer.bias.fill_(3.0)
    return layer.eval()


def policy() -> nn.Module:
    """Eight numbers in, four out, as an agent's policy has them."""
    return nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 4)).eval().requires_grad_(False)


class Mlp(nn.Module):
    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.first = nn.Linear(32, hidden)
        self.second = nn.Linear(hidden, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(self.first(x)))


class Convnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
        )  # fmt: skip

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.body(image)


class Recurrent(nn.Module):
    def __init__(self, kind: str = "LSTM", layers: int = 1, both: bool = False, batch_first: bool = True) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(8, 16, layers, batch_first=batch_first, bidirectional=both)
        self.head = nn.Linear(32 if both else 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0])


class Counter(nn.Module):
    """Adds to a total that begins at 5."""

    total: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.full((1,), 5.0))

    def forward(self, step: torch.Tensor) -> torch.Tensor:
        self.total.add_(step)
        return self.total * 1.0


class Same(nn.Module):
    """Its input, in new memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clone()


class Named(nn.Module):
    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"sum": left + right, "product": left * right}


class Branches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.sum() > 0 else x - 1


class Text(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, int]:
        return x + 1, 3


class Sorts(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sort(x)[0]


class Noise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(1, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class Prelu(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(8), nn.Conv2d(8, 8, 3, padding=1), nn.PReLU(8)
        )
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).flatten(2).mean(-1))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.table(tokens).mean(1))


class Frozen(nn.Module):
    """A cache that is written at a position, as language models have it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(4, 3))

    def forward(self, value: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        self.cache.index_copy_(0, place, value)
        return self.cache.sum(0) * 1.0


class Returned(nn.Module):
    """State that is itself the result."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("state", torch.full((1, 3), 0.5))
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.state.copy_(torch.tanh(self.layer(self.state) + x))
        return self.state


class Learns(nn.Module):
    """A parameter that is written to, as fast weights are."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((3,), 5.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            self.weight.add_(x)
        return self.weight * 2.0


class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(50, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.table(tokens))


class Brain(nn.Module):
    """Computes in bfloat16 inside."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4)).to(torch.bfloat16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x.to(torch.bfloat16)).float()


class Positions(nn.Module):
    """Arithmetic with integers between layers that are quantized."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(50, 32), nn.Embedding(64, 32)
        self.body, self.head = nn.Linear(32, 32), nn.Linear(32, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        place = torch.arange(tokens.shape[1]) * 2 + 1
        value = torch.relu(self.body(self.table(tokens) + self.places(place)))
        return self.head(value * 0.5 + 1.0).mean(1)


class Squeeze(nn.Module):
    """An average between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.body(image)


class Twice(nn.Module):
    """One layer that is called twice with inputs of very different size, as heads that are shared between scales; or,
    apart, two layers of the same weights."""

    def __init__(self, kind: str = "Conv2d", apart: bool = False) -> None:
        super().__init__()
        kernel = {} if kind == "Linear" else {"kernel_size": 3, "padding": 1}
        self.stem, self.layer = nn.Conv2d(3, 16, 3, padding=1), getattr(nn, kind)(16, 16, **kernel)
        self.second = copy.deepcopy(self.layer) if apart else self.layer

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        value = self.stem(image)
        return torch.cat([self.layer(value), self.second(value * 8.0) * 0.125], 1)


class Padded(nn.Module):
    """Padding that is itself the result."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(self.layer(image), (1, 1, 1, 1))


class Blurred(nn.Module):
    """A convolution whose weight is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(self.layer(image), torch.ones(8, 1, 3, 3) / 9, groups=8)


class Stateful(nn.Module):
    """Makes the first state itself, for one sequence or for a batch."""

    def __init__(self, kind: str = "LSTM") -> None:
        super().__init__()
        self.kind = kind
        self.layer = getattr(nn, kind)(8, 16, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.layer.flatten_parameters()
        first = x.new_zeros(self.layer.num_layers, *x.shape[:-2], self.layer.hidden_size)
        output, last = self.layer(x, (first, first + 1) if self.kind == "LSTM" else first)
        return output, last[1] if isinstance(last, tuple) else last


MODELS = {
    "mlp": Mlp, "convnet": Convnet, "recurrent": Recurrent, "counter": Counter, "named": Named, "branches": Branches,
    "text": Text, "sorts": Sorts, "noise": Noise, "volume": Volume, "prelu": Prelu, "words": Words, "cache": Frozen,
    "returned": Returned, "learns": Learns, "bag": Bag, "brain": Brain, "positions": Positions, "squeeze": Squeeze,
    "twice": Twice, "padded": Padded, "blurred": Blurred, "stateful": Stateful,
}  # fmt: skip
