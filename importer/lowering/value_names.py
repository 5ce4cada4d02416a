"""Which values of a method's exported graph the instructions of its program compute. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from importer.model import Method

_MOST_NAMES = 4096


def handle_names(method: Method, program: Any) -> dict[int, str]:
    """Debug handle -> name of the value in the method's exported graph, those inside of delegates too.

    program: the method in the edge dialect, partitioned. Before it becomes an ExecuTorch program, whose emitter writes
    other numbers in place of the handles.
    """
    names: dict[int, str] = {}
    for node in _nodes(program.graph_module):
        handle = node.meta.get("debug_handle")
        known = [name for name in _origins(node.meta.get("from_node") or []) if name in method.graph_names]
        if handle and known:
            names[handle] = known[-1]
    return names


def value_names(method: Method, names: dict[int, str], instructions: dict[int, int | list[int]]) -> dict[str, Any]:
    """{instructions: {number: [names]}, handles: {debug handle: name}, outputs: {name: index}} for the metadata.

    names: of `handle_names`. instructions: number -> debug handles, as ExecuTorch's emitter has them. Names are those
    that `also_outputs` takes, and those of `outputs`, which the method returns already. Empty when none is known, and
    for huge graphs.
    """
    found = {}
    for number, handles in instructions.items():
        listed = handles if isinstance(handles, list) else [handles]
        if computed := list(dict.fromkeys(names[handle] for handle in listed if handle in names)):
            found[str(number)] = computed
    used = {name for computed in found.values() for name in computed}
    if not found or len(used) > _MOST_NAMES:
        return {}
    returned = {name: index for name, index in method.graph_names.items() if name in used and index >= 0}
    inside = {str(handle): name for handle, name in sorted(names.items()) if name in used}
    return {"instructions": found, "handles": inside, "outputs": returned}


def _nodes(module: Any) -> Iterator[Any]:
    from executorch.exir.lowered_backend_module import get_lowered_submodules

    yield from module.graph.nodes
    for _, lowered, _ in get_lowered_submodules(module):
        yield from lowered.original_module.graph.nodes


def _origins(sources: Any) -> Iterator[str]:
    """The names in the first graph that a node comes from."""
    for source in sources:
        if source.from_node:
            yield from _origins(source.from_node)
        else:
            yield str(source.name)
