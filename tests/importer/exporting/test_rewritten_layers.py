"""Layers that ExecuTorch lacks or runs slowly, written in operators that XNNPACK has, against eager PyTorch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional

from importer.errors import ImporterError
from importer.exporting.export import export
from importer.exporting.rewrites.activations import rewrite_prelu
from importer.exporting.rewrites.borders import rewrite_borders
from importer.exporting.rewrites.embeddings import rewrite_embeddings
from importer.exporting.rewrites.norms import rewrite_norms
from importer.exporting.rewrites.single_pixel import rewrite_single_pixels
from importer.exporting.rewrites.sub_pixels import rewrite_transposed
from importer.exporting.rewrites.upsampling import rewrite_upsampling
from importer.model import Method, Source, SourceMethod
from tests.importer.conftest import Convert


def exported(layer: nn.Module, *inputs: Tensor) -> Method:
    """Layers over three dimensions are rewritten here already."""
    torch.manual_seed(3)
    for value in (*layer.parameters(), *layer.buffers()):
        if value.is_floating_point():
            value.data = torch.rand_like(value) + 0.5
    source = Source([SourceMethod("forward", layer.eval(), None, (inputs, {}))])
    return export(source)[0]


def agree(program: Any, layer: nn.Module, *inputs: Tensor) -> None:
    got, expected = program.module()(*inputs), layer(*inputs)
    assert got.shape == expected.shape
    largest = float(expected.abs().max()) if expected.numel() else 1.0
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-5 * max(1.0, largest))


def names(program: Any) -> str:
    nodes: list[Node] = list(program.graph.nodes)
    return " ".join(str(node.target) for node in nodes if node.op == "call_function")


NORMS = [
    nn.GroupNorm(1, 4),
    nn.GroupNorm(2, 6, affine=False),
    nn.GroupNorm(3, 3),
    nn.GroupNorm(4, 8, eps=0.3),
    nn.InstanceNorm2d(5),
    nn.InstanceNorm2d(3, affine=True, eps=0.1),
]


@pytest.mark.parametrize("layer", NORMS, ids=str)
@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 7, 2), (2, 1, 9)])
def test_norms(layer: nn.Module, shape: tuple[int, int, int]) -> None:
    channels = layer.num_channels if isinstance(layer, nn.GroupNorm) else layer.num_features
    picture = torch.randn(shape[0], int(str(channels)), *shape[1:]) * 3 + 20
    method = exported(layer, picture)
    program = rewrite_norms(method)
    assert "norm" not in names(program)
    agree(program, layer, picture)


def test_norms_that_are_left() -> None:
    sequence = exported(nn.GroupNorm(2, 4), torch.randn(2, 4, 9))
    half = exported(nn.GroupNorm(2, 4).half(), torch.randn(2, 4, 3, 3).half())
    running = exported(nn.InstanceNorm2d(4, track_running_stats=True), torch.randn(2, 4, 3, 3))
    for method in (sequence, half, running):
        assert rewrite_norms(method) is method.program


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([1, 2, 3, 4]), st.sampled_from([(2, 2), (3, 3), (1, 2)]), st.integers(0, 2), st.integers(1, 4),
    st.integers(1, 5), st.booleans(),
)  # fmt: skip
def test_upsampling_before_a_convolution(
    kernel: int, scales: tuple[int, int], padding: int, high: int, wide: int, bias: bool
) -> None:
    larger = high * scales[0] + 2 * padding >= kernel and wide * scales[1] + 2 * padding >= kernel
    if not larger:
        return
    layer = nn.Sequential(nn.Upsample(scale_factor=scales), nn.Conv2d(3, 4, kernel, padding=padding, bias=bias))
    picture = torch.randn(2, 3, high, wide)
    method = exported(layer, picture)
    program = rewrite_upsampling(method)
    assert ("upsample" in names(program)) == (padding > kernel - 1)
    agree(program, layer, picture)


class Shown(nn.Module):
    """The larger picture is an output of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(2, 2, 3)

    def forward(self, picture: Tensor) -> Tensor:
        large = nn.functional.interpolate(picture, scale_factor=2)
        return self.layer(large).sum() + large


@pytest.mark.parametrize(
    "layer",
    [
        nn.Sequential(nn.Upsample(size=(7, 9)), nn.Conv2d(2, 2, 3)),
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(2, 2, 3, stride=2)),
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(2, 2, 3, groups=2)),
        Shown(),
    ],
    ids=["size", "stride", "groups", "used twice"],
)
def test_upsampling_that_is_left(layer: nn.Module) -> None:
    method = exported(layer, torch.randn(1, 2, 4, 4))
    assert "upsample" in names(rewrite_upsampling(method))


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 4, 5), (1, 4, 3, 2), (0, 4, 2, 2)], ids=str)
@pytest.mark.parametrize("weights", [[0.25], [0.9, -0.5, 1.0, 0.1], [0.0, 3.0, -2.0, 0.5]], ids=str)
def test_prelu(shape: tuple[int, ...], weights: list[float]) -> None:
    layer = nn.PReLU(len(weights) if len(shape) > 1 else 1)
    value = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 3
    method = exported(layer, value)
    layer.weight.data = torch.tensor(weights[: layer.num_parameters])
    method = replace(method, program=torch.export.export(layer, (value,)))
    program = rewrite_prelu(method)
    assert "prelu" not in names(program)
    agree(program, layer, value)


def test_prelu_that_is_left() -> None:
    class Given(nn.Module):
        def forward(self, value: Tensor, weight: Tensor) -> Tensor:
            return nn.functional.prelu(value, weight)

    assert "prelu" in names(rewrite_prelu(exported(Given(), torch.randn(2, 3), torch.rand(3))))
    assert "prelu" in names(rewrite_prelu(exported(nn.PReLU().double(), torch.randn(2, 3).double())))


PIXELS = [
    (nn.ConvTranspose2d(3, 5, 4), True),
    (nn.ConvTranspose2d(3, 2, (1, 3), stride=2, bias=False), True),
    (nn.ConvTranspose2d(3, 2, 4, padding=1), False),
    (nn.ConvTranspose2d(3, 2, 2, stride=2, output_padding=1), False),
    (nn.ConvTranspose2d(3, 3, 2, groups=3), False),
    (nn.ConvTranspose2d(3, 2, 2, dilation=2), False),
]


@pytest.mark.parametrize(("layer", "rewritten"), PIXELS, ids=str)
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_transposed_convolutions_of_one_pixel(layer: nn.Module, rewritten: bool, batch: int) -> None:
    pixel = torch.randn(batch, 3, 1, 1)
    method = exported(layer, pixel)
    program = rewrite_single_pixels(method)
    assert ("conv_transpose2d" not in names(program)) == rewritten
    agree(program, layer, pixel)


TRANSPOSED = [
    (nn.ConvTranspose2d(3, 5, 4, 2, 1), True),
    (nn.ConvTranspose2d(3, 2, 2, 2, bias=False), True),
    (nn.ConvTranspose2d(3, 4, 3, 2, 1, 1), True),
    (nn.ConvTranspose2d(3, 4, 3, 2, 1), True),
    (nn.ConvTranspose2d(3, 1, (5, 4), (3, 1), (2, 0), (1, 0)), True),
    (nn.ConvTranspose2d(3, 2, 1, 2), True),  # gaps between the pixels
    (nn.ConvTranspose2d(3, 2, 1, 3, output_padding=2), True),
    (nn.ConvTranspose2d(3, 2, 2, 2, output_padding=1), False),  # the picture ends before that
    (nn.ConvTranspose2d(3, 3, 4, 2, 1, groups=3), False),
    (nn.ConvTranspose2d(3, 3, 3, 2, 1, dilation=2), False),
    (nn.ConvTranspose2d(3, 3, 3, 1, 1), False),
    (nn.Sequential(nn.ConvTranspose2d(3, 4, 4, 2, 1), nn.BatchNorm2d(4), nn.ReLU()), True),
    (nn.Sequential(nn.ConvTranspose2d(3, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4, affine=False), nn.Tanh()), True),
]


@pytest.mark.parametrize(("layer", "rewritten"), TRANSPOSED, ids=str)
@pytest.mark.parametrize("shape", [(1, 5, 4), (2, 1, 7)])
def test_transposed_convolutions(layer: nn.Module, rewritten: bool, shape: tuple[int, int, int]) -> None:
    picture = torch.randn(shape[0], 3, *shape[1:]) - 0.5
    method = exported(layer, picture)
    program = rewrite_transposed(method)
    assert ("conv_transpose2d" not in names(program)) == rewritten
    assert "batch_norm" not in names(program)
    agree(program, layer, picture)


class _TwoUsers(nn.Module):
    """What a transposed convolution gives is used before its batch normalization too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.ConvTranspose2d(3, 4, 4, 2, 1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, value: Tensor) -> tuple[Tensor, Tensor]:
        large = self.layer(value)
        return functional.relu(self.norm(large)), large


def test_a_transposed_convolution_with_two_users() -> None:
    layer, picture = _TwoUsers(), torch.randn(1, 3, 4, 4)
    program = rewrite_transposed(exported(layer, picture))
    assert "conv_transpose2d" not in names(program)
    for got, expected in zip(program.module()(picture), layer(picture), strict=True):
        assert torch.allclose(got, expected, rtol=1e-4, atol=1e-4)


VOLUMES = [
    nn.Conv3d(2, 3, 3),
    nn.Conv3d(2, 3, (1, 3, 2), stride=(2, 1, 2), padding=(0, 1, 1)),
    nn.Conv3d(2, 3, (3, 2, 1), padding=1, dilation=(2, 1, 1), bias=False),
    nn.Sequential(nn.Conv3d(2, 3, 3, padding=2), nn.BatchNorm3d(3), nn.ReLU()),
    nn.Sequential(nn.Conv3d(2, 3, 1, bias=False), nn.BatchNorm3d(3, affine=False)),
    nn.MaxPool3d(2),
    nn.MaxPool3d((3, 2, 2), stride=(1, 2, 1), padding=(1, 0, 1)),
    nn.AvgPool3d(2),
    nn.AvgPool3d(3, stride=2, padding=1),
    nn.AdaptiveAvgPool3d(1),
]


@pytest.mark.parametrize("layer", VOLUMES, ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_layers_over_three_dimensions(layer: nn.Module, batch: int) -> None:
    volume = torch.randn(batch, 2, 6, 5, 7)
    program = exported(layer, volume).program
    assert "3d" not in names(program)
    agree(program, layer, volume)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (nn.ConvTranspose3d(2, 3, 3), "conv_transpose3d"),
        (nn.Conv3d(2, 2, 3, groups=2), "conv3d"),
        (nn.MaxPool3d(2, ceil_mode=True), "max_pool3d"),
        (nn.AvgPool3d(2, padding=1, count_include_pad=False), "avg_pool3d"),
    ],
    ids=str,
)
def test_layers_over_three_dimensions_that_are_refused(layer: nn.Module, name: str) -> None:
    with pytest.raises(ImporterError) as caught:
        exported(layer, torch.randn(1, 2, 4, 4, 4))
    assert caught.value.code == "OPERATOR_MISSING" and f"aten::{name}" in caught.value.cause


def test_all_of_them_are_one_delegate(tmp_path: Any, convert_file: Convert) -> None:
    picture = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.SiLU(), nn.InstanceNorm2d(4, affine=True), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, padding=1), nn.PReLU(2),
    )  # fmt: skip
    volume = nn.Sequential(nn.Conv3d(1, 2, 3), nn.BatchNorm3d(2), nn.ReLU(), nn.MaxPool3d(2), nn.AdaptiveAvgPool3d(1))
    for layer, example in ((picture, torch.randn(1, 3, 8, 8)), (volume, torch.randn(1, 1, 6, 8, 8))):
        torch.export.save(torch.export.export(layer.eval(), (example,)), tmp_path / "layers.pt2")
        meta = convert_file(tmp_path / "layers.pt2").metadata
        assert meta["accuracy"]["max_relative"] < 1e-5
        assert meta["methods"][0]["operators"] == {} and len(meta["methods"][0]["delegates"]) == 1


class Found(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nonzero(x > 0)


@pytest.mark.parametrize("sizes", [(7,), (4, 6), (2, 3, 5)])
def test_positions_of_what_is_not_zero(sizes: tuple[int, ...], tmp_path: Path, convert_file: Convert) -> None:
    torch.export.save(torch.export.export(Found(), (torch.randn(sizes),)), tmp_path / "found.pt2")
    accuracy = convert_file(tmp_path / "found.pt2").metadata["accuracy"]
    assert accuracy["agreement"] == 1.0


class Bordered(nn.Module):
    def __init__(self, widths: tuple[int, ...], mode: str) -> None:
        super().__init__()
        self.widths, self.mode = widths, mode

    def forward(self, value: Tensor) -> Tensor:
        return nn.functional.pad(value, self.widths, self.mode) * 2


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["reflect", "replicate", "circular"]),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=3),
    st.integers(1, 4),
)
def test_borders(mode: str, widths: list[tuple[int, int]], more: int) -> None:
    layer = Bordered(tuple(width for pair in widths for width in pair), mode)
    sizes = [max(*pair) + more for pair in reversed(widths)]
    value = torch.randn(2, 3, *sizes)
    method = exported(layer, value)
    program = rewrite_borders(method)
    agree(program, layer, value)
    if max(layer.widths) <= 5:
        assert "pad" not in names(program)


def test_borders_that_are_left() -> None:
    constant = exported(Bordered((1, 1), "constant"), torch.randn(1, 2, 5))
    smaller = exported(Bordered((-1, 1), "reflect"), torch.randn(1, 2, 5))
    wide = exported(Bordered((9, 0), "replicate"), torch.randn(1, 2, 5))
    for method in (constant, smaller, wide):
        assert rewrite_borders(method) is method.program


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_convolution_with_a_border_is_one_delegate(mode: str, tmp_path: Path, convert_file: Convert) -> None:
    layer = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2, padding_mode=mode), nn.ReLU(), nn.Conv2d(4, 2, 3)).eval()
    torch.export.save(torch.export.export(layer, (torch.randn(1, 3, 9, 8),)), tmp_path / "border.pt2")
    meta = convert_file(tmp_path / "border.pt2").metadata
    assert meta["accuracy"]["max_relative"] < 1e-5
    delegation = meta["methods"][0]["delegation"]
    assert delegation["share"] == 1 and delegation["left_behind"] == [], delegation


@pytest.mark.slow
def test_prelu_in_int8(tmp_path: Path, convert_file: Convert) -> None:
    torch.manual_seed(3)
    layer = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.PReLU(8), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Flatten(), nn.Linear(392, 16),
        nn.PReLU(16), nn.Linear(16, 4),
    ).eval()  # fmt: skip
    torch.export.save(torch.export.export(layer, (torch.randn(1, 3, 16, 16),)), tmp_path / "prelu.pt2")
    meta = convert_file(tmp_path / "prelu.pt2", recipe="xnnpack_int8_static").metadata
    assert meta["recipe"] == "xnnpack_int8_static" and meta["methods"][0]["delegation"]["share"] == 1


class _Words(nn.Module):
    """Two look-ups in one table, whose rows eager PyTorch shortens."""

    def __init__(self, norm_type: float, is_tied: bool = False) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4, max_norm=1.0, norm_type=norm_type)
        self.is_tied = is_tied

    def forward(self, words: Tensor, others: Tensor) -> Tensor:
        found = self.table(words) - 3 * self.table(others)
        return found @ self.table.weight.T if self.is_tied else found


@pytest.mark.parametrize("norm_type", [1.0, 2.0])
def test_embeddings_with_a_largest_norm(norm_type: float) -> None:
    layer, inputs = _Words(norm_type), (torch.tensor([[0, 3, 3]]), torch.tensor([[8, 3, 1]]))
    method = exported(layer, *inputs)
    rewritten = rewrite_embeddings(method)
    assert "embedding_renorm" in names(method.program) and "embedding_renorm" not in names(rewritten)
    agree(rewritten, layer, *inputs)
    agree(rewritten, layer, inputs[1] - 1 + (inputs[1] < 1).long(), inputs[0])


def test_a_table_that_is_used_otherwise_too_is_not_shortened() -> None:
    """The results of eager PyTorch depend on what was looked up before."""
    method = exported(_Words(2.0, is_tied=True), torch.tensor([[0]]), torch.tensor([[1]]))
    assert "embedding_renorm" in names(rewrite_embeddings(method))
