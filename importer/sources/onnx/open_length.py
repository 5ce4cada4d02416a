"""Graphs whose results are as long as the values of their inputs say, as a voice that speaks a text.

The shapes of an ExecuTorch program must be known before it runs. So the length becomes the size of one more input, and
another method computes it. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from importer.errors import Guess, ImporterError
from importer.signature import Dimension, TensorSpec, format_inputs
from importer.sources.onnx.dynamic import without_unused
from importer.sources.onnx.file.model_file import Attribute, Graph, Model, Node, ValueType
from importer.sources.onnx.inputs import declared_as
from importer.sources.onnx.refusals import LengthNeeded

INPUT, METHOD = "frames", "length"
"""The input whose size is the length, and the method that computes it."""
_MOST_FRAMES, _MOST_STEPS = 1024, 256
_UINT8, _INT64 = 2, 7


@dataclass(frozen=True)
class OpenLength:
    """counting: the graph whose output is the length. filling: the graph with the length as the size of an input."""

    counting: Model
    filling: Model


def with_open_length(model: Model, ranges: Node) -> OpenLength | None:
    """The two graphs for the length of a Range node; nothing when the graph has an input of that name."""
    graph = model.graph
    limit = ranges.inputs[1]
    taken = {name for node in graph.nodes for name in node.outputs} | {item.name for item in graph.inputs}
    if INPUT in taken or METHOD in taken:
        return None
    whole = Node("Identity", "", "", (limit,), (METHOD,), {})
    nodes = without_unused([*graph.nodes, whole], {METHOD})
    counting = replace(graph, nodes=nodes, outputs=[ValueType(METHOD, _INT64, ())])
    filling = replace(graph, nodes=_filling(graph, limit), inputs=[*graph.inputs, ValueType(INPUT, _UINT8, (INPUT,))])
    return OpenLength(replace(model, graph=counting), replace(model, graph=filling))


def needed(model: Model, specs: Sequence[TensorSpec], error: LengthNeeded) -> ImporterError:
    """The request for the range of the length, with guesses."""
    cause = (
        f"The results are as long as the inputs' values say, because of {error.node}. The shapes of an ExecuTorch "
        f"program must be known before it runs, so the length becomes the size of one more input, '{INPUT}'."
    )
    frames = TensorSpec(INPUT, "uint8", (Dimension(2, _MOST_FRAMES, INPUT),))
    texts = [format_inputs([*map(declared_as, specs), frames])]
    longer = [_with_ranges(item, spec) for item, spec in zip(model.graph.inputs, specs, strict=False)]
    if longer != list(specs):
        texts.insert(0, format_inputs([*map(declared_as, longer), frames]))
    reason = f"Guessed: up to {_MOST_FRAMES} frames."
    guesses = [Guess(text, reason, {"inputs": text}) for text in texts]
    remedy = f"Declare it in the option 'inputs' with the most frames that you need, for example `{texts[0]}`."
    return ImporterError("INPUTS_NEEDED", cause, remedy, "load", guesses=guesses)


def _filling(graph: Graph, limit: str) -> list[Node]:
    """The nodes with the size of the input in place of `limit` in every Range. Frames after the true length are those
    of the last one, so that no index lies outside of a table, whatever the size is."""
    count, one, last = f"{INPUT}.count", f"{INPUT}.one", f"{INPUT}.last"
    nodes = [
        Node("Size", "", "", (INPUT,), (count,), {}),
        Node("Constant", "", "", (), (one,), {"value_int": Attribute("value_int", "int", 1)}),
        Node("Sub", "", "", (limit, one), (last,), {}),
    ]
    for node in graph.nodes:
        if node.operator != "Range" or node.domain or node.inputs[1] != limit:
            nodes.append(node)
            continue
        every = f"{node.outputs[0]}.every"
        nodes.append(replace(node, inputs=(node.inputs[0], count, node.inputs[2]), outputs=(every,)))
        nodes.append(Node("Min", "", "", (every, last), node.outputs, {}))
    return nodes


def _with_ranges(item: ValueType, spec: TensorSpec) -> TensorSpec:
    """A spec whose sizes vary where the file leaves them open."""
    dims = [
        Dimension(2, _MOST_STEPS, "steps") if not isinstance(size, int) and own == spec.dimensions[-1] else own
        for size, own in zip(item.dims or (), spec.dimensions, strict=True)
    ]
    return replace(spec, dimensions=tuple(dims)) if spec.dtype == "int64" else spec
