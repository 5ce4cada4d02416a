"""`nn.Embedding(max_norm=...)`: rows are shortened once, in the file, and not at every call. Imports torch.

Eager PyTorch shortens the rows that it looks up, in place. ExecuTorch has no kernel for it, and constant weights.
"""

from __future__ import annotations

import torch
from torch.export import ExportedProgram
from torch.fx import Node

from importer.exporting.reexport import attribute, export_again, program_module
from importer.model import Method

_ATEN = torch.ops.aten
_SHORTENS = _ATEN.embedding_renorm_.default
_VIEWS = (_ATEN.detach.default, _ATEN.alias.default)


def rewrite_embeddings(method: Method) -> ExportedProgram:
    """The program with the rows of such tables shortened. A table that is also used otherwise stays as it is: there the
    results of eager PyTorch depend on the rows that were looked up before."""
    if not any(node.target == _SHORTENS for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for node in module.graph.find_nodes(op="call_function", target=_SHORTENS):
        table = _table(node)
        if table is None or table.op != "get_attr":
            continue
        if all(_looks_up(use, node) for use in _uses(module, str(table.target))):
            weight = attribute(module, str(table.target))
            with torch.no_grad():
                torch.embedding_renorm_(weight, torch.arange(len(weight)), *node.args[2:])
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()
    return export_again(module, method)


def _table(node: Node) -> Node | None:
    table = node.args[0]
    while isinstance(table, Node) and table.target in _VIEWS:
        table = table.args[0]
    return table if isinstance(table, Node) else None


def _uses(module: torch.fx.GraphModule, name: str) -> list[Node]:
    """What uses a parameter, views of it left out."""
    waiting = list(module.graph.find_nodes(op="get_attr", target=name))
    found: list[Node] = []
    while waiting:
        for user in waiting.pop().users:
            (waiting if user.target in _VIEWS else found).append(user)
    return found


def _looks_up(use: Node, shortened: Node) -> bool:
    """Whether it finds rows, or shortens them in the same way."""
    if use.target == _SHORTENS:
        return use.args[2:] == shortened.args[2:]
    return use.target == _ATEN.embedding.default
