"""Which outputs are indices, for which near is not right."""

from __future__ import annotations

import torch
from torch import nn

from importer.proof.index_outputs import index_outputs


class Best(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        order = x.topk(3)[1].unsqueeze(0)
        return x.argmax(1), order, (x * 10).to(torch.int32), torch.cat([x.argmin(1), x.max(1)[1]])


def test_indices_are_found_in_the_graph() -> None:
    assert index_outputs(torch.export.export(Best(), (torch.randn(2, 8),))) == {0, 1, 3}


class Labels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("labels", torch.tensor([7, 1003, 20, 55]))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        best = x.argmax(1)
        none = torch.where(x.amax(1) > 0.5, best, 255)
        place = torch.stack([best % 2, best // 2], 1)
        return best + 1, self.labels[best], none, place, (x * 10).to(torch.int32) + 1, (best + 1).float()


def test_what_is_computed_of_indices_are_indices() -> None:
    assert index_outputs(torch.export.export(Labels(), (torch.randn(2, 4),))) == {0, 1, 2, 3, 5}
