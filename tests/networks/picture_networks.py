"""Small networks for the nodes that take pictures, with fixed random weights: what they find is the same everywhere."""

from __future__ import annotations

import torch
from torch import nn


class Detector(nn.Module):
    """One set of boxes for a picture of 96 x 64 in the forms that detectors have: the heads of YOLO, and boxes, scores
    and landmarks apart."""

    CELL = 8

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.cells = nn.Conv2d(3, 12, self.CELL, stride=self.CELL)
        nn.init.normal_(self.cells.weight, std=0.15)
        rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(12.0), indexing="ij")
        middles = (torch.stack((columns, rows)).flatten(1) + 0.5) * self.CELL
        self.register_buffer("middles", middles[None])

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        raw = self.cells(picture - 0.5).flatten(2)  # [1, 12, 96]
        middles = self.middles + self.CELL * torch.tanh(raw[:, :2])
        sizes = 8 + 24 * torch.sigmoid(raw[:, 2:4])
        scores = torch.sigmoid(4 * raw[:, 4:7])
        object_there = torch.sigmoid(raw[:, 7:8] + 2)
        best, label = scores.max(1, keepdim=True)
        corners = torch.cat((middles - sizes / 2, middles + sizes / 2), 1)
        landmarks = torch.cat((middles - sizes / 4, middles + sizes / 4), 1)
        size = torch.tensor([96.0, 64.0, 96.0, 64.0]).reshape(1, 4, 1)
        return {
            "head": torch.cat((middles, sizes, scores), 1),
            "rows": torch.cat((middles, sizes, object_there, scores), 1).transpose(1, 2).contiguous(),
            "best": torch.cat((corners, best, label.float()), 1).transpose(1, 2).contiguous(),
            "pose": torch.cat((middles, sizes, scores, landmarks), 1),
            "boxes": (corners / size).transpose(1, 2).contiguous(),
            "logits": torch.cat((raw[:, 7:8], 4 * raw[:, 4:7]), 1).transpose(1, 2).contiguous(),
            "landmarks": (landmarks / size).transpose(1, 2).contiguous(),
        }


class Segmenter(nn.Module):
    """Scores of four classes at half the size, the score of one class, and the classes themselves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Tanh(), nn.Conv2d(8, 4, 5, padding=2)
        )  # fmt: skip

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        scores = self.net(picture * 2 - 1)
        last = scores.permute(0, 2, 3, 1).contiguous()
        return {"scores": scores, "last": last, "one": scores[:, :1] * 3, "classes": scores.argmax(1)}


class Painter(nn.Module):
    """A picture of twice the size in the ranges that networks return."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.mix = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        value = torch.sigmoid(nn.functional.pixel_shuffle(2 * self.mix(picture), 2))
        last = value.permute(0, 2, 3, 1).contiguous()
        return {"unit": value, "signed": value * 2 - 1, "bytes": value * 255, "gray": value[:, :1], "last": last}
