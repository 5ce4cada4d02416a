"""Convolutions, and the padding that they share with pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional

from importer.sources.onnx.call import Call, symbolic
from importer.sources.onnx.operators.shapes import padded
from importer.sources.onnx.registry import operator


@dataclass(frozen=True)
class Window:
    """A window that moves over the last dimensions. begin, end: elements that are added before and after each."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    begin: list[Any]
    end: list[Any]

    @property
    def rank(self) -> int:
        return len(self.kernel)

    @property
    def is_symmetric(self) -> bool:
        return self.begin == self.end


def window(call: Call, x: Tensor, kernel: Sequence[int]) -> Window:
    """The attributes of a convolution or pool. Raises ONNX_ATTRIBUTE_INVALID."""
    rank = x.dim() - 2
    if rank < 1 or len(kernel) != rank:
        raise call.fails(f"has a window of {len(kernel)} dimensions for a tensor of {x.dim()}")
    strides = call.integers("strides", [1] * rank)
    dilations = call.integers("dilations", [1] * rank)
    pads = call.integers("pads", [0] * (2 * rank))
    auto = call.text("auto_pad", "NOTSET")
    if len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank or min(strides + dilations) < 1:
        raise call.fails(f"has strides {strides}, dilations {dilations} and pads {pads}")
    begin: list[Any] = list(pads[:rank])
    end: list[Any] = list(pads[rank:])
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        for axis in range(rank):
            size, step = x.shape[2 + axis], strides[axis]
            reach = (kernel[axis] - 1) * dilations[axis] + 1
            if step == 1:
                total: Any = reach - 1
            else:
                total = symbolic.sym_max(0, ((size + step - 1) // step - 1) * step + reach - size)
            small = total // 2
            begin[axis], end[axis] = (small, total - small) if auto == "SAME_UPPER" else (total - small, small)
    elif auto == "VALID":
        begin, end = [0] * rank, [0] * rank
    return Window(list(kernel), strides, dilations, begin, end)


@operator("Conv", inputs=(2, 3))
def _conv(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return convolved(call, x, weight, bias)


def convolved(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A convolution by the node's attributes."""
    shape = window(call, x, [int(size) for size in weight.shape[2:]])
    if shape.rank > 3:
        raise call.unsupported(f"{shape.rank} dimensions")
    pads = shape.begin
    if not shape.is_symmetric or any(not isinstance(item, int) or item < 0 for item in pads):
        x = padded(call, x, [0, 0, *shape.begin], [0, 0, *shape.end])
        pads = [0] * shape.rank
    function: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[shape.rank - 1]
    made: Tensor = function(x, weight, bias, shape.strides, pads, shape.dilations, call.integer("group", 1))
    return made


@operator("ConvTranspose", inputs=(2, 3))
def _conv_transpose(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    shape = window_of_transpose(call, x, weight)
    function: Any = {
        1: functional.conv_transpose1d,
        2: functional.conv_transpose2d,
        3: functional.conv_transpose3d,
    }.get(shape.rank)
    if function is None:
        raise call.unsupported(f"{shape.rank} dimensions")
    extra = call.integers("output_padding", [0] * shape.rank)
    group = call.integer("group", 1)
    # torch's padding cuts the same from both sides; the rest of the larger side is cut off here.
    both = [min(left, right) for left, right in zip(shape.begin, shape.end, strict=True)]
    if any(item < 0 for item in both) or shape.begin != shape.end or _too_much(extra, shape):
        made = function(x, weight, None, shape.strides, 0, 0, group, shape.dilations)
        made = padded(
            call,
            made,
            [0, 0, *[-item for item in shape.begin]],
            [0, 0, *[a - b for a, b in zip(extra, shape.end, strict=True)]],
        )
        return made if bias is None else made + bias.reshape([-1, *[1] * shape.rank])
    return function(x, weight, bias, shape.strides, both, extra, group, shape.dilations)


def _too_much(extra: list[int], shape: Window) -> bool:
    return any(item >= max(a, b) for item, a, b in zip(extra, shape.strides, shape.dilations, strict=True))


def window_of_transpose(call: Call, x: Tensor, weight: Tensor) -> Window:
    """The attributes of a transposed convolution; pads are removed from the output."""
    kernel = [int(size) for size in weight.shape[2:]]
    rank = len(kernel)
    strides, dilations = call.integers("strides", [1] * rank), call.integers("dilations", [1] * rank)
    pads = call.integers("pads", [0] * (2 * rank))
    begin, end = list(pads[:rank]), list(pads[rank:])
    auto = call.text("auto_pad", "NOTSET")
    extra = call.integers("output_padding", [0] * rank)
    if call.has("output_shape") or auto.startswith("SAME"):
        wanted = call.integers(
            "output_shape", [int(size) * step for size, step in zip(x.shape[2:], strides, strict=True)]
        )
        for axis in range(rank):
            size = int(x.shape[2 + axis])
            reach = (kernel[axis] - 1) * dilations[axis] + 1
            total = strides[axis] * (size - 1) + extra[axis] + reach - wanted[-rank:][axis]
            small = total // 2
            begin[axis], end[axis] = (total - small, small) if auto != "SAME_UPPER" else (small, total - small)
    return Window(kernel, strides, dilations, begin, end)
