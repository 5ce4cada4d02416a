"""Where each tensor of a method is in planned memory, and which instructions use it. Standard library only."""

from __future__ import annotations

import math
from typing import Any

from importer.program.program import Method, Tensor, TensorList
from importer.signature import DTYPES

MOST_TENSORS = 4096


def plan(method: Method) -> dict[str, Any]:
    """{instructions: [name, ...], tensors: [[buffer, offset, bytes, first, last, dtype, shape, value], ...]}.

    first and last: the first and the last instruction that names the value; an input lives from 0, an output until the
    number of instructions. Above 4,096 tensors `tensors` is absent and `tensors_left_out` is their number.
    """
    lives: dict[int, list[int]] = {}
    for index, instruction in enumerate(method.instructions):
        for value in tensor_ids(method, instruction.arguments):
            lives.setdefault(value, [index, index])[1] = index
    for value in tensor_ids(method, method.input_ids):
        lives.setdefault(value, [0, 0])[0] = 0
    for value in tensor_ids(method, method.output_ids):
        lives.setdefault(value, [0, 0])[1] = len(method.instructions)
    found: dict[str, Any] = {"instructions": [instruction.name for instruction in method.instructions]}
    tensors = []
    for value, (first, last) in sorted(lives.items()):
        tensor = method.values[value]
        if tensor.allocation is not None:
            buffer, offset = tensor.allocation
            tensors.append([buffer, offset, tensor_bytes(tensor), first, last, tensor.dtype, list(tensor.shape), value])
    if len(tensors) > MOST_TENSORS:
        found["tensors_left_out"] = len(tensors)
    else:
        found["tensors"] = tensors
    return found


def tensor_ids(method: Method, values: tuple[int, ...]) -> list[int]:
    """The tensors among values; lists of tensors are opened."""
    found = []
    for index in values:
        item = method.values[index] if 0 <= index < len(method.values) else None
        if isinstance(item, Tensor):
            found.append(index)
        elif isinstance(item, TensorList):
            within = [inner for inner in item.items if 0 <= inner < len(method.values)]
            found += [inner for inner in within if isinstance(method.values[inner], Tensor)]
    return found


def tensor_bytes(tensor: Tensor) -> int:
    """The bytes of a tensor at its upper bound."""
    return math.prod(max(size, 0) for size in tensor.shape) * DTYPES.get(tensor.dtype, 1)
