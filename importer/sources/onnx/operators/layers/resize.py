"""Resizing pictures and sampling from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.nn import functional

from importer.sources.onnx.call import Call, symbolic
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Value


@operator("Upsample", given=(1,), inputs=(1, 2))
def _upsample(call: Call, x: Tensor, scales: Value = None) -> Any:
    factors = call.numbers("scales") if scales is None else call.sizes(scales)
    sizes = [_floor(size * factor) for size, factor in zip(x.shape, factors, strict=True)]
    mode = call.text("mode", "nearest")
    return _resized(call, x, list(range(x.dim())), sizes, factors, mode, "asymmetric", "simple")


@operator("Resize", given=(1, 2, 3), inputs=(1, 4))
def _resize(call: Call, x: Tensor, roi: Value = None, scales: Value = None, sizes: Value = None) -> Any:
    if call.opset < 11:
        return _upsample(call, x, roi)
    axes = [axis % x.dim() for axis in call.integers("axes", list(range(x.dim())))]
    if sizes is not None and call.sizes(sizes):
        wanted = call.sizes(sizes)
        factors: list[Any] = [new / x.shape[axis] for new, axis in zip(wanted, axes, strict=True)]
        policy = call.text("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            one = min(factors) if policy == "not_larger" else max(factors)
            wanted = [math.floor(x.shape[axis] * one + 0.5) for axis in axes]
            factors = [one] * len(axes)
    elif scales is not None:
        factors = call.sizes(scales)
        wanted = [_floor(x.shape[axis] * factor) for axis, factor in zip(axes, factors, strict=True)]
    else:
        raise call.fails("has neither sizes nor scales")
    call.check_elements(wanted)
    coordinates = call.text("coordinate_transformation_mode", "half_pixel")
    rounding = call.text("nearest_mode", "round_prefer_floor")
    region = None if roi is None or coordinates != "tf_crop_and_resize" else [float(item) for item in call.sizes(roi)]
    return _resized(call, x, axes, wanted, factors, call.text("mode", "nearest"), coordinates, rounding, region)


def _floor(value: Any) -> Any:
    """The size that onnxruntime makes, which multiplies in float32."""
    return math.floor(float(np.float32(value))) if isinstance(value, float) else symbolic.sym_int(value)


def _resized(
    call: Call, x: Tensor, axes: list[int], sizes: list[Any], factors: list[Any], mode: str, coordinates: str,
    rounding: str, region: list[float] | None = None,
) -> Tensor:  # fmt: skip
    changed = [
        (axis, size, factor, index)
        for index, (axis, size, factor) in enumerate(zip(axes, sizes, factors, strict=True))
        if not (region is None and _stays(size, x.shape[axis], factor))
    ]
    if not changed:
        return x
    if fast := _interpolated(call, x, changed, mode, coordinates, rounding):
        return fast[0]
    for axis, size, factor, index in changed:
        if not isinstance(size, int) or not isinstance(x.shape[axis], int):
            raise call.unsupported(f"the mode {mode} with {coordinates} and a size that varies")
        span = None if region is None else (region[index], region[index + len(axes)])
        place = _places(call, x.shape[axis], size, float(factor), coordinates, span)
        x = _along(call, x, axis, place, mode, rounding, float(factor), coordinates)
    return x


def _stays(size: Any, old: Any, factor: Any) -> bool:
    """Whether a dimension keeps its size, also one that varies."""
    if isinstance(size, int) and isinstance(old, int):
        return size == old and bool(factor == 1.0)
    return bool(statically_known_true(size == old))


def _interpolated(
    call: Call, x: Tensor, changed: list[tuple[int, Any, Any, int]], mode: str, coordinates: str, rounding: str
) -> list[Tensor]:
    """torch's own resizing, where it computes the same."""
    places = [axis for axis, *_ in changed]
    if x.dim() not in (3, 4, 5) or min(places) < 2 or call.integer("antialias", 0) or not x.is_floating_point():
        return []
    if mode == "cubic" and (call.integer("exclude_outside", 0) or call.number("cubic_coeff_a", -0.75) != -0.75):
        return []
    new = {axis: size for axis, size, *_ in changed}
    size = [new.get(axis, x.shape[axis]) for axis in range(2, x.dim())]
    exact = all(
        abs(wanted / x.shape[axis] - factor) < 1e-6 for axis, wanted, factor, _ in changed if _known(wanted, x, axis)
    )
    by_sizes = call.opset >= 11 and len(call.node.inputs) > 3 and bool(call.node.inputs[3])
    if not exact or not all(
        by_sizes or _known(wanted, x, axis) or isinstance(factor, (int, float)) for axis, wanted, factor, _ in changed
    ):
        return []
    whole = all(isinstance(factor, (int, float)) and float(factor).is_integer() for _, _, factor, _ in changed)
    linear = {3: "linear", 4: "bilinear", 5: "trilinear"}[x.dim()]
    if mode == "nearest" and coordinates == "asymmetric" and _is_floor(x, changed, rounding):
        return [functional.interpolate(x, size=size, mode="nearest")]
    if mode == "nearest" and whole and coordinates == "half_pixel" and rounding.startswith("round_prefer"):
        return [functional.interpolate(x, size=size, mode="nearest")]
    if mode == "linear" and coordinates in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        if coordinates == "pytorch_half_pixel" and any(item == 1 for item in size if isinstance(item, int)):
            return []
        return [functional.interpolate(x, size=size, mode=linear, align_corners=coordinates == "align_corners")]
    if mode == "cubic" and x.dim() == 4 and coordinates in ("half_pixel", "align_corners"):
        return [functional.interpolate(x, size=size, mode="bicubic", align_corners=coordinates == "align_corners")]
    return []


def _is_floor(x: Tensor, changed: list[tuple[int, Any, Any, int]], rounding: str) -> bool:
    """Whether torch's nearest, which rounds down, takes the same elements for all of `changed`."""
    grows = all(not isinstance(factor, (int, float)) or factor >= 1 for _, _, factor, _ in changed)
    if rounding != "floor" and not (rounding == "simple" and grows):
        return False
    # Between whole numbers, torch's product and onnxruntime's quotient can be on two sides of one.
    known = [(x.shape[axis], wanted) for axis, wanted, _, _ in changed if _known(wanted, x, axis)]
    return all(min(old % new, new % old) == 0 if old and new else True for old, new in known)


def _known(wanted: Any, x: Tensor, axis: int) -> bool:
    return isinstance(wanted, int) and isinstance(x.shape[axis], int)


def _places(
    call: Call, old: int, new: int, factor: float, coordinates: str, span: tuple[float, float] | None
) -> Tensor:
    """For each new element, where it lies among the old ones: in float32, as onnxruntime computes it."""
    index = torch.arange(new, dtype=torch.float32)
    scale = torch.tensor(factor)
    if coordinates == "half_pixel":
        return (index + 0.5) / scale - 0.5
    if coordinates == "pytorch_half_pixel":
        return (index + 0.5) / scale - 0.5 if new > 1 else torch.zeros(new)
    if coordinates == "half_pixel_symmetric":
        offset = (1 - torch.tensor(float(new)) / (scale * old)) * (old / 2)
        # The rest is float64 there: a place that is exactly between two elements falls to either side.
        return (offset.double() + (index.double() + 0.5) / scale.double() - 0.5).float()
    if coordinates == "align_corners":
        return index * (old - 1) / (new - 1) if new != 1 else torch.zeros(new)
    if coordinates == "asymmetric":
        return index / scale
    if coordinates == "tf_crop_and_resize" and span is not None:
        first, last = span
        if new > 1:
            return first * (old - 1) + index * (last - first) * (old - 1) / (new - 1)
        return torch.full((1,), 0.5 * (first + last) * (old - 1))
    raise call.unsupported(f"the coordinates {coordinates}")


def _along(
    call: Call, x: Tensor, axis: int, place: Tensor, mode: str, rounding: str, factor: float, coordinates: str
) -> Tensor:
    """One dimension: each new element is a weighted sum of a few old ones."""
    old = int(x.shape[axis])
    place = place.double()
    if mode == "nearest":
        if rounding == "simple":
            rounding = "floor" if factor >= 1 else "ceil"
        rounded = {
            "round_prefer_floor": torch.ceil(place - 0.5),
            "round_prefer_ceil": torch.floor(place + 0.5),
            "floor": torch.floor(place),
            "ceil": torch.ceil(place),
        }[rounding]
        made = x.index_select(axis, rounded.clamp(0, old - 1).long())
    else:
        weights = _weights(call, place, old, mode, factor)
        made = (
            torch.tensordot(x.to(torch.float32), weights.to(torch.float32), dims=([axis], [1]))
            .movedim(-1, axis)
            .to(x.dtype)
        )
    if coordinates == "tf_crop_and_resize":
        outside = (place < 0) | (place > old - 1)
        shape = [1] * x.dim()
        shape[axis] = -1
        filled = torch.full_like(made, call.number("extrapolation_value", 0.0))
        made = torch.where(outside.reshape(shape), filled, made)
    return made


def _weights(call: Call, place: Tensor, old: int, mode: str, factor: float) -> Tensor:
    """[new, old]: how much of each old element a new one has."""
    stretch = max(1.0, 1.0 / factor) if call.integer("antialias", 0) else 1.0
    reach = math.ceil((2 if mode == "cubic" else 1) * stretch)
    base = torch.floor(place)
    taps = torch.arange(-reach + 1, reach + 1, dtype=torch.float64) + base.unsqueeze(1)
    distance = (place.unsqueeze(1) - taps).abs() / stretch
    if mode == "linear":
        weight = (1 - distance).clamp(min=0)
    elif mode == "cubic":
        a = call.number("cubic_coeff_a", -0.75)
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        zero = torch.zeros_like(distance)
        weight = torch.where(distance <= 1, near, torch.where(distance < 2, far, zero))
    else:
        raise call.unsupported(f"the mode {mode}")
    if call.integer("exclude_outside", 0) or call.integer("antialias", 0):
        inside = (taps >= 0) & (taps <= old - 1)
        if call.integer("exclude_outside", 0):
            weight = torch.where(inside, weight, torch.zeros_like(weight))
    weight = weight / weight.sum(1, keepdim=True)
    made = torch.zeros(place.numel(), old, dtype=torch.float64)
    return made.scatter_add(1, taps.clamp(0, old - 1).long(), weight)


@operator("GridSample", inputs=(2, 2))
def _grid_sample(call: Call, x: Tensor, grid: Tensor) -> Tensor:
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(call.text("mode", "linear"), call.text("mode", "linear"))
    padding = call.text("padding_mode", "zeros")
    return functional.grid_sample(x, grid, mode, padding, bool(call.integer("align_corners", 0)))


@operator("AffineGrid", given=(1,), inputs=(2, 2))
def _affine_grid(call: Call, theta: Tensor, size: Value) -> Tensor:
    sizes = [int(item) for item in call.sizes(size)]
    call.check_elements(sizes)
    aligned = bool(call.integer("align_corners", 0))
    axes = []
    for count in sizes[2:]:
        place = torch.linspace(-1, 1, count, dtype=theta.dtype) if count > 1 else torch.zeros(1, dtype=theta.dtype)
        axes.append(place if aligned else place * ((count - 1) / count))
    grids = torch.meshgrid(*axes, indexing="ij")
    points = torch.stack([*reversed(grids), torch.ones_like(grids[0])], -1)
    flat = points.reshape(1, -1, len(axes) + 1)
    return torch.matmul(flat, theta.transpose(1, 2)).reshape(sizes[0], *sizes[2:], len(axes))
