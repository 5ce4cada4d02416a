"""XNNPACK's partitioner for dynamically quantized layers, and for delegates that are cut. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir.backend.canonical_partitioners.config_partitioner import format_target_name
from torch.fx.passes.infra.partitioner import Partition

from importer.exporting.written import written_placeholders

_PRODUCTS = ("convolution", "linear", "addmm", "mm", "bmm")


# Where a product has what XNNPACK packs once: its weights and its bias.
_PACKED = {"linear": (1, 2), "convolution": (1, 2), "addmm": (0, 2), "mm": (1,)}


class StatePartitioner(XnnpackPartitioner):  # type: ignore[misc]
    """XNNPACK's partitioner without products whose weights the program writes to: it would pack the first values."""

    def get_matched_nodes_from_configs(self, ep: Any) -> list[list[Any]]:
        written = _written(ep)
        groups = super().get_matched_nodes_from_configs(ep)
        return [group for group in groups if not any(_packs(node, written) for node in group)]

    def ops_to_not_decompose(self, ep: Any) -> tuple[list[Any], Any]:
        written = _written(ep)
        operators, keeps = super().ops_to_not_decompose(ep)
        return operators, lambda node: (keeps is None or keeps(node)) and not _packs(node, written)


def _written(ep: Any) -> set[str]:
    """The names of the tensors that a program writes to: by its signature, or by operators that write."""
    signature = ep.graph_signature
    changed = set(signature.buffers_to_mutate.values())
    by_signature = {name for name, target in signature.inputs_to_buffers.items() if target in changed}
    return by_signature | written_placeholders(ep)


def _packs(node: Any, written: set[str]) -> bool:
    places = _PACKED.get(_operator(node), ()) if node.op == "call_function" else ()
    return any(_source(node.args[place]) in written for place in places if place < len(node.args))


def _operator(node: Any) -> str:
    return str(format_target_name(node.target.__name__)).partition(".")[0]


def _source(node: Any) -> str:
    """The name of the tensor that a value is another form of."""
    while node is not None and node.op == "call_function" and len(node.all_input_nodes) == 1:
        node = node.all_input_nodes[0]
    return node.name if node is not None else ""


class DynamicLayersPartitioner(StatePartitioner):
    """Takes dynamically quantized layers, each as a delegate, and leaves what the other partitioners take as it is.
    Otherwise ExecuTorch decomposes it before they are asked: max_pool2d, for example, into an operator that XNNPACK
    does not have."""

    def __init__(self, others: list[Any], configs: list[Any]) -> None:
        super().__init__(configs=configs, config_precisions=ConfigPrecisionType.DYNAMIC_QUANT, per_op_mode=True)
        self._others = others

    def ops_to_not_decompose(self, ep: Any) -> tuple[list[Any], Any]:
        wanted = [super().ops_to_not_decompose(ep), *(other.ops_to_not_decompose(ep) for other in self._others)]

        def is_kept(node: Any) -> bool:
            return any(node.target in operators and keeps(node) for operators, keeps in wanted)

        return list(dict.fromkeys(operator for operators, _ in wanted for operator in operators)), is_kept


class SlicingPartitioner(StatePartitioner):
    """XNNPACK's partitioner, whose partitions compute at most 1/`pieces` of the method each (the option `slice`): a
    delegate is one instruction to ExecuTorch, and a sliced call can pause only between instructions. An operator stays
    in one piece, with the quantization around it."""

    def __init__(self, pieces: int, **named: Any) -> None:
        super().__init__(**named)
        self._pieces = pieces

    def generate_partitions(self, ep: Any) -> list[Partition]:
        order = {node: index for index, node in enumerate(ep.graph.nodes)}
        groups = [list(group) for group in self.get_matched_nodes_from_configs(ep)]
        most_cost = sum(map(_cost, ep.graph.nodes)) / self._pieces
        pieces: list[list[Any]] = []
        for partition in super().generate_partitions(ep):
            nodes = set(partition.nodes)
            inside = [group for group in groups if not nodes.isdisjoint(group)]
            pieces += _cut(nodes, inside, order, most_cost)
        return [Partition(id=index, nodes=dict.fromkeys(piece)) for index, piece in enumerate(pieces)]


def _cut(nodes: set[Any], groups: list[list[Any]], order: dict[Any, int], most_cost: float) -> list[list[Any]]:
    """A partition's nodes in pieces, each with whole groups in the graph's order."""
    groups = sorted(groups, key=lambda group: max(order[node] for node in group))
    piece_of: dict[Any, int] = {}
    piece, spent = 0, 0.0
    for group in groups:
        cost = sum(map(_cost, group))
        if spent and spent + cost > most_cost:
            piece, spent = piece + 1, 0.0
        spent += cost
        piece_of.update(dict.fromkeys(group, piece))
    _move_behind(groups, piece_of)
    pieces: dict[int, list[Any]] = {}
    for node in sorted(nodes, key=order.__getitem__):
        pieces.setdefault(piece_of[node], []).append(node)
    return [pieces[index] for index in sorted(pieces)]


def _move_behind(groups: list[list[Any]], piece_of: dict[Any, int]) -> None:
    """Puts no group before one whose values it takes: pieces that need each other could not run."""
    moved = True
    while moved:
        moved = False
        for group in groups:
            needed = max((piece_of[value] for value in _inputs(group) if value in piece_of), default=0)
            if needed > piece_of[group[0]]:
                piece_of.update(dict.fromkeys(group, needed))
                moved = True


def _inputs(group: Iterable[Any]) -> Iterable[Any]:
    return (value for node in group if node.op == "call_function" for value in node.all_input_nodes)


def _cost(node: Any) -> float:
    """Multiplications of a product, and one for each value of another operator."""
    value = node.meta.get("val")
    if node.op != "call_function" or not hasattr(value, "numel"):
        return 0.0
    size = _numbers(value.shape)
    name = _operator(node)
    if name not in _PRODUCTS:
        return size
    weight = node.args[2 if name == "addmm" else 1].meta["val"].shape
    if name == "convolution":
        return size * _numbers(weight[1:])
    return size * _numbers(weight[1:] if name == "linear" else weight[-2:-1])


def _numbers(shape: Any) -> float:
    """The product of sizes; one that varies counts with the size of the example."""
    product = 1.0
    for size in shape:
        product *= float(getattr(getattr(size, "node", None), "hint", None) or size)
    return product
