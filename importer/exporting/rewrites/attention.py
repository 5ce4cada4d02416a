"""Attention as matrix products and one softmax, which XNNPACK runs. Importing this module imports torch.

ExecuTorch's own decomposition of `scaled_dot_product_attention` looks for rows that a mask hides completely, with five
operators that XNNPACK does not have. Without a mask, with a causal one, and with one of finite numbers there are none.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from importer.exporting.reexport import attribute, export_again, program_module
from importer.model import Method

_ATTENTION = torch.ops.aten.scaled_dot_product_attention.default


def rewrite_attention(method: Method) -> ExportedProgram:
    """The program with every attention that can be written so; the others stay."""
    if not any(_can_rewrite(node) for node in method.program.graph.nodes):
        return method.program
    module = program_module(method)
    for number, node in enumerate(list(module.graph.nodes)):
        if not _can_rewrite(node):
            continue
        query, key, value, *further = node.args
        mask = further[0] if further else node.kwargs.get("attn_mask")
        if mask is not None and not _is_finite(module, mask):
            continue
        causal = bool(_argument(node, 5, "is_causal", False))
        scale = _argument(node, 6, "scale", None) or 1 / math.sqrt(_shape(query)[-1])
        name = f"attention_{number}"
        module.add_submodule(name, _Attention(scale, (_shape(query)[-2], _shape(key)[-2]) if causal else None))
        with module.graph.inserting_before(node):
            call = module.graph.call_module(name, (query, key, value, mask))
            call.meta = dict(node.meta)
        node.replace_all_uses_with(call)
        module.graph.erase_node(node)
    module.recompile()
    return export_again(module, method)


class _Attention(nn.Module):
    """softmax(query @ key.T * scale + mask) @ value, on [..., tokens, size]."""

    def __init__(self, scale: float, causal: tuple[int, int] | None) -> None:
        super().__init__()
        # A tensor, because XNNPACK multiplies tensors only.
        self.register_buffer("scale", torch.tensor([scale]))
        hidden = torch.full(causal, -math.inf).triu(1) if causal else None
        self.register_buffer("causal", hidden)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        weights = torch.matmul(query * self.get_buffer("scale"), key.transpose(-2, -1))
        if mask is not None:
            weights = weights + mask
        if self.causal is not None:
            weights = weights + self.get_buffer("causal")
        return torch.matmul(torch.softmax(weights, -1), value)


def _can_rewrite(node: torch.fx.Node) -> bool:
    if node.op != "call_function" or node.target != _ATTENTION or _argument(node, 4, "dropout_p", 0.0):
        return False
    if _argument(node, 7, "enable_gqa", False) or any(_dtype(given) != torch.float32 for given in node.args[:3]):
        return False
    sizes = (_shape(node.args[0])[-2], _shape(node.args[1])[-2])
    return not _argument(node, 5, "is_causal", False) or all(isinstance(size, int) for size in sizes)


def _is_finite(module: torch.fx.GraphModule, mask: Any) -> bool:
    """Whether a mask is a constant of numbers that hide no whole row."""
    if mask.op != "get_attr":
        return False
    tensor = attribute(module, mask.target)
    return tensor.dtype == torch.float32 and bool(torch.isfinite(tensor.amax(-1)).all())


def _argument(node: torch.fx.Node, index: int, name: str, default: Any) -> Any:
    return node.args[index] if len(node.args) > index else node.kwargs.get(name, default)


def _shape(node: Any) -> Any:
    return node.meta["val"].shape


def _dtype(node: Any) -> Any:
    return node.meta["val"].dtype
