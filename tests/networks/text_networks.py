"""Small networks for the node that reads text. Letters are blocks of a brightness on gray, so that a drawn picture says
what has to be found: red is what is written, and green is brighter at the upper side of a line."""

from __future__ import annotations

import torch
from torch import nn

LETTERS = {"a": 1.0, "b": 0.8, "c": 0.2, "d": 0.0}
GRAY = 0.5


class TextFinder(nn.Module):
    """How far each place is from gray, 0 to 1, at the picture's size, at half of it, and with two channels."""

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        found = (picture[:, :1] - GRAY).abs() * 2
        return {"map": found, "half": nn.functional.avg_pool2d(found, 2), "two": torch.cat((found, found), 1)}


class Speller(nn.Module):
    """The brightness of each four columns as the letter that is closest; gray is the blank."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor([GRAY, *LETTERS.values()]))

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        steps = nn.functional.avg_pool2d(picture[:, :1], (picture.shape[2], 4)).flatten(1)
        logits = -400 * (steps[..., None] - self.levels) ** 2
        last = torch.cat((logits[..., 1:], logits[..., :1]), -1)
        return {"probabilities": torch.softmax(logits, -1), "logits": logits, "blank_last": last}


class Turner(nn.Module):
    """Probabilities of a line that stands upright and of one that is upside down."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        upper, lower = picture[:, 1].chunk(2, 1)
        difference = 50 * (upper.mean((1, 2)) - lower.mean((1, 2)))
        return torch.stack((torch.sigmoid(difference), torch.sigmoid(-difference)), 1)
