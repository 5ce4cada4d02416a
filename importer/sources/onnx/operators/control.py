"""If, Loop and Scan whose condition or number of rounds is known before the model runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from importer.sources.onnx import refusals
from importer.sources.onnx.call import Call
from importer.sources.onnx.file.model_file import Graph
from importer.sources.onnx.registry import operator
from importer.sources.onnx.scope import Scope
from importer.sources.onnx.values import Sizes, Value

MOST_ROUNDS = 1_000


@operator("If", given=None, folds=False)
def _if(call: Call, condition: Value) -> list[Value]:
    name = "then_branch" if _truth(call, condition) else "else_branch"
    return _inside(call, call.graph(name), [], (name,))


def _truth(call: Call, condition: Value) -> bool:
    if isinstance(condition, Sizes):
        return bool(condition.numbers.reshape(-1)[0])
    known = call.known_number(condition)
    if known is None:
        raise call.needs_value(condition)
    return bool(known)


def _inside(call: Call, graph: Graph, given: list[Value], key: tuple[Any, ...]) -> list[Value]:
    """The outputs of a graph that an attribute holds."""
    if len(given) != len(graph.inputs):
        raise call.fails(f"gives {len(given)} values to a graph that takes {len(graph.inputs)}")
    outer = call.scope
    names = {**outer.names, **{item.name: value for item, value in zip(graph.inputs, given, strict=True)}}
    inner = Scope(names, outer.opsets, outer.attributes, outer.depth + 1)
    return call.module.run(graph, inner, (*call.key, *key))


@operator("Loop", given=None, folds=False, inputs=(0, 10_000))
def _loop(call: Call, rounds: Value = None, condition: Value = None, *state: Value) -> list[Value]:
    body = call.graph("body")
    most = None if rounds is None else call.size(rounds)
    if most is not None and not isinstance(most, int):
        raise call.needs_value(rounds)
    going = condition is None or _truth(call, condition)
    kept = list(state)
    scanned: list[list[Tensor]] = [[] for _ in range(len(body.outputs) - 1 - len(kept))]
    number = 0
    flag: Value = call.module.number(True) if condition is None else condition
    while going and (most is None or number < most):
        if number >= MOST_ROUNDS:
            raise refusals.too_large(f"{call.node} runs more than {MOST_ROUNDS:,} rounds")
        made = _inside(call, body, [call.module.number(number), flag, *kept], ("round", number))
        flag, kept, collected = made[0], made[1 : 1 + len(kept)], made[1 + len(kept) :]
        for items, value in zip(scanned, collected, strict=True):
            items.append(call.tensor(value))
        number += 1
        going = (most is not None and condition is None) or _truth(call, flag)
    if any(not items for items in scanned):
        raise call.unsupported("no round at all")
    return [*kept, *(_joined(call, items) for items in scanned)]


def _joined(call: Call, items: list[Tensor]) -> Tensor:
    return torch.stack(items)


@operator("Scan", given=None, folds=False, inputs=(1, 10_000))
def _scan(call: Call, *values: Value) -> list[Value]:
    body, count = call.graph("body"), call.integer("num_scan_inputs")
    kept, sources = list(values[: len(values) - count]), [call.tensor(item) for item in values[len(values) - count :]]
    outputs = len(body.outputs) - len(kept)
    axes = call.integers("scan_input_axes", [0] * count)
    turns = call.integers("scan_input_directions", [0] * count)
    steps = sources[0].shape[axes[0]]
    if not isinstance(steps, int):
        raise call.unsupported("a number of steps that varies")
    if steps > MOST_ROUNDS:
        raise refusals.too_large(f"{call.node} runs {steps:,} rounds")
    scanned: list[list[Tensor]] = [[] for _ in range(outputs)]
    for step in range(steps):
        parts = [
            source.select(axis, steps - 1 - step if turn else step)
            for source, axis, turn in zip(sources, axes, turns, strict=True)
        ]
        made = _inside(call, body, [*kept, *parts], ("step", step))
        kept = made[: len(kept)]
        for items, value in zip(scanned, made[len(kept) :], strict=True):
            items.append(call.tensor(value))
    backwards = call.integers("scan_output_directions", [0] * outputs)
    places = call.integers("scan_output_axes", [0] * outputs)
    joined = [
        torch.stack(items[::-1] if turn else items, axis)
        for items, turn, axis in zip(scanned, backwards, places, strict=True)
    ]
    return [*kept, *joined]
