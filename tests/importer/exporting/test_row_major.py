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


def one_channel() -> nn.Module:
    return nn.Conv2d(1, 5, 1)


def depthwise() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.ReLU(), nn.Conv2d(3, 4, 1))


def bands() -> nn.Module:
    return nn.Conv2d(3, 4, (1, 3))


# Of one channel or one row, torch's own is_contiguous() says yes in both orders.
PICTURES = [(1, 1, 7, 5), (2, 1, 7, 5), (1, 1, 1, 1)]


@pytest.mark.parametrize(
    ("build", "recipe", "shape"),
    [
        *[(net, recipe, (1, 3, 8, 8)) for recipe in ("auto", "xnnpack_int8_static")],
        (Inside, "auto", (1, 3, 8, 8)),
        (Scale, "auto", (1, 3, 8, 8)),
        *[(one_channel, "auto", shape) for shape in PICTURES],
        (one_channel, "portable", (1, 1, 7, 5)),
        (depthwise, "auto", (1, 3, 8, 8)),
        (bands, "auto", (1, 3, 1, 9)),
        (Scale, "portable", (1, 3, 1, 1)),
    ],
)
def test_channels_last(
    build: type[nn.Module], recipe: str, shape: tuple[int, ...], tmp_path: Path, convert_file: Convert
) -> None:
    torch.manual_seed(0)
    model = build().eval().to(memory_format=LAST)
    example = torch.randn(shape).to(memory_format=LAST)
    torch.export.save(torch.export.export(model, (example,)), tmp_path / "x.pt2")
    image = torch.randn(shape)
    (result,) = call(convert_file(tmp_path / "x.pt2", recipe=recipe), [image])
    with torch.no_grad():
        expected = model(image)
    assert float((result - expected).abs().max()) < (0.1 if "int8" in recipe else 1e-5) * float(expected.abs().max())
