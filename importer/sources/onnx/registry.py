"""Which function computes which ONNX operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from importer.sources.onnx.values import Value

Implementation = Callable[..., Any]


@dataclass(frozen=True)
class Operator:
    """given: the inputs that the function takes as they are; the others it takes as tensors, or None when absent.
    folds: whether it may be computed once when no input of the model reaches it."""

    function: Implementation
    given: frozenset[int] | None
    folds: bool
    least: int
    most: int


OPERATORS: dict[tuple[str, str], Operator] = {}
MICROSOFT = "com.microsoft"


def operator(
    *names: str,
    given: tuple[int, ...] | None = (),
    domain: str = "",
    folds: bool = True,
    inputs: tuple[int, int] = (1, 1),
) -> Callable[[Implementation], Implementation]:
    """Register a function for operators. given: see Operator; None for all inputs. inputs: how few and how many."""

    def register(function: Implementation) -> Implementation:
        for name in names:
            kept = None if given is None else frozenset(given)
            OPERATORS[(domain, name)] = Operator(function, kept, folds, *inputs)
        return function

    return register


def find(domain: str, name: str) -> Operator | None:
    return OPERATORS.get((domain, name))


def results(made: Any) -> list[Value]:
    """The result of an operator as a list of values."""
    return list(made) if isinstance(made, (tuple, list)) else [made]
