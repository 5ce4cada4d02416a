"""Which entries of a dictionary a forward reads, by its source: `obs["camera"]`. Standard library only."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def keys_read(forward: Callable[..., Any]) -> list[str]:
    """The keys that a method reads from its one parameter; none when its source does not say it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(forward)))
    except (OSError, TypeError, SyntaxError, RecursionError):
        return []
    return keys_in(tree.body[0]) if tree.body and isinstance(tree.body[0], ast.FunctionDef) else []


def keys_in(forward: ast.FunctionDef) -> list[str]:
    """The same of a method that was parsed."""
    parameters = [item.arg for item in (*forward.args.posonlyargs, *forward.args.args)][1:]
    if len(parameters) != 1:
        return []
    found: list[tuple[int, int, str]] = []
    for node in ast.walk(forward):
        if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
            continue
        is_parameter = isinstance(node.value, ast.Name) and node.value.id == parameters[0]
        if is_parameter and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            found.append((node.lineno, node.col_offset, node.slice.value))
    return list(dict.fromkeys(key for _, _, key in sorted(found)))
