"""Puts our kernels in the place of operators that move whole rows of a table's first dimension. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from executorch.exir.dialects._ops import ops
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.fx.passes.infra.pass_base import PassResult

from importer.kernels import rows
from importer.kernels.recurrent import NAMESPACE

_OURS = getattr(ops.edge, NAMESPACE)
_ATEN = ops.edge.aten
_INDICES = (torch.int32, torch.int64)
_Replacement = tuple[Any, tuple[Any, ...]]


def use_row_kernels(module: torch.fx.GraphModule) -> PassResult:
    """ExecuTorch's own kernels go element by element: a graph network took 3 times as long as in eager PyTorch."""
    modified = False
    for node in list(module.graph.nodes):
        rewrite = _REWRITES.get(node.target) if node.op == "call_function" else None
        found = rewrite(*node.args, **node.kwargs) if rewrite else None
        if found is None:
            continue
        target, arguments = found
        with module.graph.inserting_before(node):
            call = module.graph.call_function(target, arguments)
        call.meta = dict(node.meta)
        node.replace_all_uses_with(call)
        module.graph.erase_node(node)
        modified = True
    module.graph.eliminate_dead_code()
    module.recompile()
    return PassResult(module, modified)


def _index(table: Any, indices: Sequence[Any]) -> _Replacement | None:
    index = _only(indices)
    return _take(table, index) if index is not None else None


def _index_select(table: Any, axis: int, index: Any) -> _Replacement | None:
    return _take(table, index) if axis == 0 and _rank(table) and _rank(index) == 1 else None


def _embedding(table: Any, index: Any, *_: Any, **__: Any) -> _Replacement | None:
    return _take(table, index)


def _gather(table: Any, axis: int, index: Any, **_: Any) -> _Replacement | None:
    rows_index = _of_whole_rows(table, axis, index)
    return _take(table, rows_index) if rows_index is not None else None


def _index_put(base: Any, indices: Sequence[Any], source: Any, accumulate: bool = False) -> _Replacement | None:
    index = _only(indices)
    if index is None or _rank(index) != 1 or not _fits(base, index, source):
        return None
    return _add(base, index, source) if accumulate else (_OURS.put_rows.default, (base, index, source))


def _index_add(base: Any, axis: int, index: Any, source: Any, alpha: Any = 1) -> _Replacement | None:
    fits = axis == 0 and alpha == 1 and _rank(index) == 1 and _fits(base, index, source)
    return _add(base, index, source) if fits else None


def _index_copy(base: Any, axis: int, index: Any, source: Any) -> _Replacement | None:
    fits = axis == 0 and _rank(index) == 1 and _fits(base, index, source)
    return (_OURS.put_rows.default, (base, index, source)) if fits else None


def _scatter_add(base: Any, axis: int, index: Any, source: Any) -> _Replacement | None:
    rows_index = _of_whole_rows(base, axis, index)
    fits = rows_index is not None and _fits(base, rows_index, source)
    return _add(base, rows_index, source) if fits else None


_REWRITES: dict[Any, Callable[..., _Replacement | None]] = {
    _ATEN.index.Tensor: _index,
    _ATEN.index_select.default: _index_select,
    _ATEN.embedding.default: _embedding,
    _ATEN.gather.default: _gather,
    _ATEN.index_put.default: _index_put,
    _ATEN.index_add.default: _index_add,
    _ATEN.index_copy.default: _index_copy,
    _ATEN.scatter_add.default: _scatter_add,
}


def _take(table: Any, index: Any) -> _Replacement | None:
    fits = _rank(table) and _dtype(index) in _INDICES
    return (_OURS.take_rows.default, (table, index)) if fits else None


def _add(base: Any, index: Any, source: Any) -> _Replacement | None:
    return (_OURS.add_rows.default, (base, index, source)) if _dtype(base) in rows.SUMMED else None


def _only(indices: Sequence[Any]) -> Any | None:
    """The only index of `aten.index`, when it is one of integers for the first dimension."""
    return indices[0] if len(indices) == 1 and indices[0] is not None and _dtype(indices[0]) in _INDICES else None


def _of_whole_rows(table: Any, axis: int, index: Any) -> Any | None:
    """The index of rows that `gather` and `scatter_add` get expanded to the columns of a table [rows, columns]."""
    if axis not in (0, -_rank(table)) or _rank(table) != 2 or index.target != _ATEN.expand_copy.default:
        return None
    narrow = index.args[0]
    if _rank(narrow) != 2 or not _same(_shape(narrow)[1], 1) or not _same(_shape(index)[1], _shape(table)[1]):
        return None
    # [rows, 1] is made of [rows] in most programs.
    if narrow.target == _ATEN.unsqueeze_copy.default and narrow.args[1] in (1, -1):
        return narrow.args[0]
    if narrow.target == _ATEN.view_copy.default and _rank(narrow.args[0]) == 1:
        return narrow.args[0]
    return None


def _fits(base: Any, index: Any, source: Any) -> bool:
    """Whether `source` has one whole row of the base for each index; torch would also spread a smaller one."""
    if _dtype(index) not in _INDICES or _dtype(base) != _dtype(source) or _rank(source) != _rank(base):
        return False
    expected = (_shape(index)[0], *_shape(base)[1:])
    return all(_same(one, other) for one, other in zip(_shape(source), expected, strict=True))


def _same(one: Any, other: Any) -> bool:
    return statically_known_true(one == other)


def _shape(node: Any) -> Any:
    return node.meta["val"].shape


def _rank(node: Any) -> int:
    return len(_shape(node))


def _dtype(node: Any) -> Any:
    return node.meta["val"].dtype
