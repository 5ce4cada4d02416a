"""A factory for facenet-pytorch's face detector: its three networks, all with PReLU."""

from __future__ import annotations

import torch
from torch import nn


class Net(nn.Module):
    """Convolutions with PReLU and pools, then a head for each output; the names of layers are those of the file."""

    def __init__(self, convolutions: list[tuple[int, int, int]], pools: dict[int, int]) -> None:
        super().__init__()
        self.pools = pools
        self.count = len(convolutions)
        for number, (inside, outside, size) in enumerate(convolutions, 1):
            self.add_module(f"conv{number}", nn.Conv2d(inside, outside, size))
            self.add_module(f"prelu{number}", nn.PReLU(outside))

    def body(self, image: torch.Tensor) -> torch.Tensor:
        value = image
        for number in range(1, self.count + 1):
            value = self.get_submodule(f"prelu{number}")(self.get_submodule(f"conv{number}")(value))
            if size := self.pools.get(number):
                value = nn.functional.max_pool2d(value, size, 2, ceil_mode=True)
        return value


class Proposal(Net):
    def __init__(self) -> None:
        super().__init__([(3, 10, 3), (10, 16, 3), (16, 32, 3)], {1: 2})
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        value = self.body(image)
        return {"boxes": self.conv4_2(value), "faces": torch.softmax(self.conv4_1(value), 1)}


class Refinement(Net):
    def __init__(self) -> None:
        super().__init__([(3, 28, 3), (28, 48, 3), (48, 64, 2)], {1: 3, 2: 3})
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        value = self.prelu4(self.dense4(self.body(image).permute(0, 3, 2, 1).flatten(1)))
        return {"boxes": self.dense5_2(value), "faces": torch.softmax(self.dense5_1(value), 1)}


class Output(Net):
    def __init__(self) -> None:
        super().__init__([(3, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 2)], {1: 3, 2: 3, 3: 2})
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        value = self.prelu5(self.dense5(self.body(image).permute(0, 3, 2, 1).flatten(1)))
        faces = torch.softmax(self.dense6_1(value), 1)
        return {"boxes": self.dense6_2(value), "landmarks": self.dense6_3(value), "faces": faces}


NETS = {"pnet": Proposal, "rnet": Refinement, "onet": Output}


def build(net: str = "onet") -> nn.Module:
    return NETS[net]()
