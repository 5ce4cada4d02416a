"""Which array of a file is which input. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence

_ORDERS = ("input_{}", "arr_{}")
"""The names of arrays that have none: ours, and those of numpy.savez."""


class Unfit(ValueError):
    """Arrays that a program cannot take: the reason, as the end of a sentence."""


def in_order(arrays: Sequence[str], inputs: Sequence[str], only_one: Sequence[str] = ()) -> list[str]:
    """The name of the array for each input, by the inputs' names if all are there, else by `input_0`, `input_1`, ...

    only_one: the arrays among which an input without a name of its own has the one that there is. Raises Unfit.
    """
    ways = [list(inputs), *([way.format(index) for index in range(len(inputs))] for way in _ORDERS)]
    for names in ways:
        if all(name in arrays for name in names):
            return names
    if len(inputs) == len(only_one) == 1 and is_nameless(inputs):
        return list(only_one)
    missing = [name for name in inputs if name not in arrays]
    has = f"the arrays {', '.join(arrays)}" if len(arrays) > 1 else f"the array {arrays[0]}" if arrays else "no array"
    raise Unfit(f"it has {has}, but not {', '.join(missing)}; the inputs are {', '.join(inputs)}")


def is_order(array: str) -> bool:
    """Whether an array's name is a place only, such as `arr_1`."""
    return array.rpartition("_")[0] + "_{}" in _ORDERS and array.rpartition("_")[2].isdigit()


def is_nameless(inputs: Sequence[str]) -> bool:
    """Whether a program does not keep its inputs' names, so that these are made up."""
    return list(inputs) == [_ORDERS[0].format(index) for index in range(len(inputs))]
