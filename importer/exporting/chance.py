"""Random draws of a model: each call returns other results, so its program cannot be proved. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from importer.errors import ImporterError
from importer.model import Method

_SWITCHES = ("train", "training")
_PROBABILITIES = ("dropout_p", "dropout", "p")


def refuse_random_draws(method: Method) -> None:
    """Raises RANDOM_DRAWS with the operators that draw."""
    names = list(dict.fromkeys(_draws(method)))
    if not names:
        return
    shown = ", ".join(names)
    if any("dropout" in name for name in names):
        cause = f"'{method.name}' drops values at random ({shown}), as in training, so each call returns other results."
        remedy = "Call model.eval() before torch.export.export, or give F.dropout training=self.training."
    else:
        cause = (
            f"'{method.name}' draws random numbers ({shown}), so each call returns other results "
            "and nothing can be proved."
        )
        remedy = "Give the random numbers as an input, or return what they are drawn from (mean and deviation, logits)."
    raise ImporterError("RANDOM_DRAWS", cause, remedy, "export")


def _draws(method: Method) -> Iterator[str]:
    graphs = [item.graph for item in method.program.graph_module.modules() if isinstance(item, torch.fx.GraphModule)]
    for node in [node for graph in graphs for node in graph.nodes]:
        target: Any = node.target
        tags = target.tags if isinstance(target, torch._ops.OpOverload) else ()
        if torch.Tag.nondeterministic_seeded in tags and node.users and _is_on(node, target):
            yield str(target).removeprefix("aten.").partition(".")[0]


def _is_on(node: torch.fx.Node, target: torch._ops.OpOverload) -> bool:
    """Whether a layer that draws in training, such as dropout, does so here."""
    given: dict[str, Any] = {item.name: item.default_value for item in target._schema.arguments}
    given |= dict(zip([item.name for item in target._schema.arguments], node.args, strict=False)) | node.kwargs
    if any(given.get(name) is False for name in _SWITCHES):
        return False
    layers = any(name in given for name in (*_SWITCHES, "dropout_p"))
    return not (layers and any(given.get(name) in (0, 0.0) for name in _PROBABILITIES if name in given))
