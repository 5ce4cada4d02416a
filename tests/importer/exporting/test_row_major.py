"""Models and examples in channels_last: a game's arrays are row-major."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.importer.conftest import Convert
from tests.importer.exporting.test_torchscript import call

LAST = torch.channels_last


class Inside(nn.Module):
    """Changes the order in forward, as tuning guides say."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.conv(image.to(memory_format=LAST).contiguous(memory_format=LAST))).mean((2, 3))


class Scale(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * 2.0 + 1.0


def net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 4)
    )


@pytest.mark.parametrize(
    ("build", "recipe"),
    [(net, "auto"), (net, "portable"), (net, "xnnpack_int8_static"), (Inside, "auto"), (Scale, "auto")],
)
def test_channels_last(build: type[nn.Module], recipe: str, tmp_path: Path, convert_file: Convert) -> None:
    torch.manual_seed(0)
    model = build().eval().to(memory_format=LAST)
    example = torch.randn(1, 3, 8, 8).to(memory_format=LAST)
    torch.export.save(torch.export.export(model, (example,)), tmp_path / "x.pt2")
    image = torch.randn(1, 3, 8, 8)
    (result,) = call(convert_file(tmp_path / "x.pt2", recipe=recipe), [image])
    with torch.no_grad():
        expected = model(image)
    assert float((result - expected).abs().max()) < (0.1 if "int8" in recipe else 1e-5) * float(expected.abs().max())
