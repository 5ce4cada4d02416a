"""Fourier transforms, as products with constant matrices: ExecuTorch has no complex numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Value

_MOST_LENGTH = 1 << 13


def _waves(call: Call, length: int, bins: int, inverse: bool, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """[length, bins] cosines and sines."""
    if length > _MOST_LENGTH:
        raise call.unsupported(f"a length of {length}")
    place = torch.arange(length, dtype=torch.int64).unsqueeze(1) * torch.arange(bins, dtype=torch.int64).unsqueeze(0)
    angle = torch.remainder(place, length).to(torch.float64) * (2 * math.pi / length)
    sign = 1.0 if inverse else -1.0
    return torch.cos(angle).to(dtype), (sign * torch.sin(angle)).to(dtype)


@operator("DFT", given=(1, 2), inputs=(1, 3))
def _dft(call: Call, x: Tensor, length: Value = None, axis: Value = None) -> Tensor:
    default = 1 if call.opset < 20 else -2
    along = call.integer("axis", default) if axis is None else int(call.size(axis))
    along = along % x.dim()
    inverse, one_sided = bool(call.integer("inverse", 0)), bool(call.integer("onesided", 0))
    if inverse and one_sided:
        raise call.unsupported("inverse and onesided")
    size = int(x.shape[along]) if length is None else int(call.size(length))
    x = x.movedim(along, -2)
    x = x[..., :size, :] if size <= x.shape[-2] else torch.nn.functional.pad(x, (0, 0, 0, size - x.shape[-2]))
    bins = size // 2 + 1 if one_sided else size
    cosine, sine = _waves(call, size, bins, inverse, x.dtype)
    real = x[..., 0]
    left, right = real @ cosine, real @ sine
    if x.shape[-1] == 2:
        other = x[..., 1]
        left, right = left - other @ sine, right + other @ cosine
    made = torch.stack([left, right], -1)
    return (made / size if inverse else made).movedim(-2, along)


@operator("STFT", given=(1, 3), inputs=(2, 4))
def _stft(call: Call, x: Tensor, step: Value, window: Tensor | None = None, length: Value = None) -> Tensor:
    hop = int(call.size(step))
    if length is not None:
        size = int(call.size(length))
    elif window is not None:
        size = int(window.shape[0])
    else:
        raise call.fails("has neither a window nor a frame length")
    bins = size // 2 + 1 if call.integer("onesided", 1) else size
    cosine, sine = _waves(call, size, bins, False, x.dtype)
    if window is not None:
        cosine, sine = cosine * window.unsqueeze(1), sine * window.unsqueeze(1)
    parts = x.unbind(-1) if x.dim() == 3 else (x,)
    frames = [part.unfold(1, size, hop) for part in parts]
    left, right = frames[0] @ cosine, frames[0] @ sine
    if len(frames) == 2:
        left, right = left - frames[1] @ sine, right + frames[1] @ cosine
    return torch.stack([left, right], -1)
