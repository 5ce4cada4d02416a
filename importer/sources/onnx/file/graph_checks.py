"""Whether a graph can be computed: every value is there, once, and before it is used. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from importer.errors import ImporterError
from importer.sources.onnx import refusals
from importer.sources.onnx.file.model_file import Attribute, Function, Graph, Model, Node, SparseData, TensorData
from importer.sources.onnx.file.tensor_checks import TEXT, check_tensor, external_span

OLDEST_OPSET, NEWEST_OPSET = 7, 28
MOST_NODES = 100_000
_MOST_SHARED = 4  # how often tensors may have the same bytes of a file, as tied weights do


def check_model(model: Model) -> None:
    """Raises the error of the first thing that is wrong."""
    check_opset(model.opsets.get("", 0) if model.opsets else 0)
    for function in model.functions.values():
        check_opset(function.opsets.get("", NEWEST_OPSET))
    _check_functions(model.functions)
    _Checker(model).check(model.graph, frozenset())
    names = [item.name for item in model.graph.outputs]
    if not names:
        raise refusals.invalid("it has no outputs")
    for item in (*model.graph.inputs, *model.graph.outputs):
        if item.name not in model.graph.constants and (item.dtype == 0 or item.dtype == TEXT):
            what = "texts" if item.dtype == TEXT else "not a tensor"
            raise refusals.bad_type(f"'{item.name[:100]}', which goes in or out of the ONNX model, is {what}")


def check_opset(version: int) -> None:
    if version > NEWEST_OPSET or version < OLDEST_OPSET:
        cause = f"The ONNX file needs opset {version}; opsets {OLDEST_OPSET} to {NEWEST_OPSET} are supported."
        remedy = "Export the model again: torch.onnx.export(..., opset_version=18)."
        raise ImporterError("ONNX_OPSET_UNSUPPORTED", cause, remedy, "read")


def in_order(nodes: list[Node], known: Iterable[str]) -> list[Node]:
    """The nodes so that each comes after those whose outputs it takes. Raises ONNX_GRAPH_CYCLIC and
    ONNX_GRAPH_INVALID for a value that nothing makes."""
    ready = set(known)
    if all(_runs_after(node, ready) for node in nodes):
        return nodes
    maker = {name: index for index, node in enumerate(nodes) for name in node.outputs if name}
    ready = set(known)
    state = [0] * len(nodes)
    ordered: list[Node] = []
    for first in range(len(nodes)):
        stack = [(first, iter(_needed(nodes[first])))] if not state[first] else []
        state[first] = state[first] or 1
        while stack:
            index, names = stack[-1]
            for name in names:
                if name in ready or not name:
                    continue
                if name not in maker:
                    raise refusals.invalid(f"{nodes[index]} takes '{name[:100]}', which does not exist")
                other = maker[name]
                if state[other] == 1:
                    raise refusals.cyclic(f"{nodes[index]} takes '{name[:100]}', which depends on it")
                if state[other] == 0:
                    state[other] = 1
                    stack.append((other, iter(_needed(nodes[other]))))
                    break
            else:
                stack.pop()
                state[index] = 2
                ordered.append(nodes[index])
                ready.update(nodes[index].outputs)
    return ordered


def _runs_after(node: Node, ready: set[str]) -> bool:
    if any(name and name not in ready for name in _needed(node)):
        return False
    ready.update(node.outputs)
    return True


def _needed(node: Node) -> list[str]:
    """The values that a node uses: its inputs, and those that its graphs use from outside."""
    found = list(node.inputs)
    for attribute in node.attributes.values():
        for graph in graphs_of(attribute):
            found += _free(graph)
    return found


def _free(graph: Graph) -> list[str]:
    """The names that a graph uses from outside."""
    own = {item.name for item in graph.inputs} | graph.constants.keys()
    own |= {name for node in graph.nodes for name in node.outputs}
    wanted = [name for node in graph.nodes for name in _needed(node)] + [item.name for item in graph.outputs]
    return [name for name in dict.fromkeys(wanted) if name and name not in own]


def graphs_of(attribute: Attribute) -> list[Graph]:
    if attribute.kind == "graph" and attribute.value is not None:
        return [attribute.value]
    return list(attribute.value or []) if attribute.kind == "graphs" else []


class _Checker:
    def __init__(self, model: Model) -> None:
        self._folder = model.path.parent
        self._stem = model.path.stem
        self._nodes = 0
        self._files: dict[Path, int] = {}
        self._outside = 0

    def check(self, graph: Graph, outside: frozenset[str]) -> None:
        names = [item.name for item in graph.inputs]
        if "" in names or len(set(names)) != len(names):
            raise refusals.invalid("an input has no name, or two inputs have the same")
        self._nodes += len(graph.nodes)
        if self._nodes > MOST_NODES:
            raise refusals.too_large(f"it has more than {MOST_NODES:,} nodes")
        made = set(names) | graph.constants.keys()
        for node in graph.nodes:
            for name in filter(None, node.outputs):
                if name in made:
                    raise refusals.invalid(f"'{name[:100]}' is made twice, the second time by {node}")
                made.add(name)
        for item in graph.constants.values():
            self._check_constant(item)
        for node in graph.nodes:
            own = [name for name in node.inputs if name and name in node.outputs]
            if own:
                raise refusals.cyclic(f"{node} takes its own result '{own[0][:100]}'")
        known = {*outside, *names, *graph.constants}
        in_order(graph.nodes, known)
        everything = outside | made
        for output in graph.outputs:
            if output.name not in everything:
                raise refusals.invalid(f"its output '{output.name[:100]}' is not made by a node")
        for node in graph.nodes:
            for attribute in node.attributes.values():
                self._check_attribute(attribute, everything)

    def _check_attribute(self, attribute: Attribute, outside: frozenset[str]) -> None:
        for graph in graphs_of(attribute):
            self.check(graph, outside)
        if attribute.kind == "tensor" and attribute.value is not None:
            self._check_constant(attribute.value)
        elif attribute.kind == "tensors":
            for item in attribute.value or []:
                self._check_constant(item)

    def _check_constant(self, item: TensorData | SparseData) -> None:
        for tensor in [item] if isinstance(item, TensorData) else [item.values, item.indices]:
            check_tensor(tensor, self._folder, self._stem)
            if tensor.external is not None:
                path, _, length = external_span(tensor, self._folder, self._stem)
                self._files[path] = path.stat().st_size
                self._outside += length
        if self._outside > _MOST_SHARED * sum(self._files.values()):
            raise refusals.too_large(f"its tensors have {self._outside:,} bytes, several times those of its files")


def _check_functions(functions: Mapping[tuple[str, str], Function]) -> None:
    """A function may call others, but not itself."""
    state: dict[tuple[str, str], int] = {}

    def visit(key: tuple[str, str], depth: int) -> None:
        if state.get(key) == 2 or key not in functions:
            return
        if state.get(key) == 1 or depth > 32:
            raise refusals.cyclic(f"the function '{key[1][:100]}' calls itself")
        state[key] = 1
        in_order(functions[key].nodes, functions[key].inputs)
        for node in functions[key].nodes:
            visit((node.domain, node.operator), depth + 1)
        state[key] = 2

    for key in functions:
        visit(key, 0)
