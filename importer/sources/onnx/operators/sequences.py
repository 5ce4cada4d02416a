"""Lists of tensors, whose length is known before the model runs."""

from __future__ import annotations

from typing import Any

import torch

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator
from importer.sources.onnx.values import Sequence, Value


@operator("SequenceEmpty", inputs=(0, 0), given=None)
def _empty(call: Call) -> Sequence:
    return Sequence(())


@operator("SequenceConstruct", given=None, inputs=(1, 10_000))
def _construct(call: Call, *values: Value) -> Sequence:
    return Sequence(values)


@operator("SequenceAt", given=None, inputs=(2, 2))
def _at(call: Call, values: Value, place: Value) -> Value:
    items = call.sequence(values).items
    index = int(call.size(place))
    if not -len(items) <= index < len(items):
        raise call.fails(f"takes item {index} of a sequence of {len(items)}")
    found: Value = items[index]
    return found


@operator("SequenceInsert", given=None, inputs=(2, 3))
def _insert(call: Call, values: Value, new: Value, place: Value = None) -> Sequence:
    items = list(call.sequence(values).items)
    items.insert(len(items) if place is None else int(call.size(place)), new)
    return Sequence(tuple(items))


@operator("SequenceErase", given=None, inputs=(1, 2))
def _erase(call: Call, values: Value, place: Value = None) -> Sequence:
    items = list(call.sequence(values).items)
    del items[-1 if place is None else int(call.size(place))]
    return Sequence(tuple(items))


@operator("SequenceLength", given=None)
def _length(call: Call, values: Value) -> Value:
    return call.module.number(len(call.sequence(values).items))


@operator("SplitToSequence", given=None, inputs=(1, 2))
def _split(call: Call, value: Value, parts: Value = None) -> Sequence:
    x, axis = call.tensor(value), call.integer("axis", 0)
    if parts is None:
        pieces = list(torch.split(x, 1, axis))
        if not call.integer("keepdims", 1):
            pieces = [piece.squeeze(axis) for piece in pieces]
        return Sequence(tuple(pieces))
    lengths: Any = [int(item) for item in call.sizes(parts)]
    known = call.constant(parts)
    whole = known is not None and known.dim() == 0
    return Sequence(tuple(torch.split(x, lengths[0] if whole else lengths, axis)))


@operator("ConcatFromSequence", given=None)
def _concat(call: Call, values: Value) -> torch.Tensor:
    tensors = [call.tensor(item) for item in call.sequence(values).items]
    axis = call.integer("axis")
    return torch.stack(tensors, axis) if call.integer("new_axis", 0) else torch.cat(tensors, axis)
