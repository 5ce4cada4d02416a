"""Attention and its positions, as opset 23 has them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import operator


@operator("Attention", inputs=(3, 7))
def _attention(
    call: Call, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None,
    past_key: Tensor | None = None, past_value: Tensor | None = None, lengths: Tensor | None = None,
) -> list[Tensor]:  # fmt: skip
    if lengths is not None:
        raise call.unsupported("nonpad_kv_seqlen")
    flat = query.dim() == 3
    if flat:
        query = _heads(query, call.integer("q_num_heads"))
        key, value = (_heads(item, call.integer("kv_num_heads")) for item in (key, value))
    if past_key is not None and past_value is not None:
        key, value = torch.cat([past_key, key], 2), torch.cat([past_value, value], 2)
    present = [key, value]
    groups = int(query.shape[1]) // int(key.shape[1])
    if groups > 1:
        key, value = (item.repeat_interleave(groups, 1) for item in (key, value))
    scale = call.number("scale", 1 / math.sqrt(int(query.shape[-1])))
    root = math.sqrt(scale)
    scores = torch.matmul(query * root, (key * root).transpose(-1, -2))
    stages = [scores]
    cap = call.number("softcap", 0.0)
    if cap:
        scores = torch.tanh(scores / cap) * cap
    stages.append(scores)
    bias = _bias(call, query, key, mask, 0 if past_key is None else past_key.shape[2])
    scores = scores if bias is None else scores + bias
    # onnxruntime's masks are the lowest number, not minus infinity.
    stages.append(scores.clamp(min=torch.finfo(scores.dtype).min))
    weights = torch.softmax(scores, -1)
    if bias is not None:  # a row that sees nothing
        weights = torch.where(torch.isnan(weights), torch.zeros_like(weights), weights)
    stages.append(weights)
    made = torch.matmul(weights, value)
    if flat:
        made = made.transpose(1, 2).reshape(made.shape[0], made.shape[2], -1)
    return [made, *present, stages[call.integer("qk_matmul_output_mode", 0)]]


def _heads(x: Tensor, count: int) -> Tensor:
    return x.reshape(x.shape[0], x.shape[1], count, -1).transpose(1, 2)


def _bias(call: Call, query: Tensor, key: Tensor, mask: Tensor | None, before: Any) -> Tensor | None:
    """What is added to the scores; `before` is the number of keys in the cache, before the first query."""
    found: Tensor | None = None
    lowest = float("-inf")
    left, right = call.integer("left_window_size", -1), call.integer("right_window_size", -1)
    right = 0 if call.integer("is_causal", 0) else right
    if left >= 0 or right >= 0:
        rows: Any = torch.arange(query.shape[2]).unsqueeze(1) + before
        columns: Any = torch.arange(key.shape[2]).unsqueeze(0)
        seen = columns <= rows + right if right >= 0 else columns >= rows - left
        if left >= 0 and right >= 0:
            seen = seen & (columns >= rows - left)
        found = torch.where(seen, 0.0, lowest).to(query.dtype)
    if mask is not None:
        added = torch.where(mask, 0.0, lowest).to(query.dtype) if mask.dtype == torch.bool else mask
        if added.shape[-1] < key.shape[2]:
            short = key.shape[2] - added.shape[-1]
            added = torch.nn.functional.pad(added, (0, short), value=lowest)
        found = added if found is None else found + added
    return found


@operator("RotaryEmbedding", inputs=(3, 4))
def _rotary(call: Call, x: Tensor, cosine: Tensor, sine: Tensor, positions: Tensor | None = None) -> Tensor:
    flat = x.dim() == 3
    if flat:
        x = _heads(x, call.integer("num_heads"))
    size = call.integer("rotary_embedding_dim", 0) or int(x.shape[-1])
    turned, rest = x[..., :size], x[..., size:]
    cos, sin = (item if positions is None else item[positions.long()] for item in (cosine, sine))
    cos, sin = (item[..., : size // 2].unsqueeze(1) for item in (cos, sin))
    if call.integer("interleaved", 0):
        left, right = turned[..., 0::2], turned[..., 1::2]
        made = torch.stack([left * cos - right * sin, left * sin + right * cos], -1).reshape(turned.shape)
    else:
        left, right = turned.chunk(2, -1)
        made = torch.cat([left * cos - right * sin, left * sin + right * cos], -1)
    made = torch.cat([made, rest], -1) if rest.shape[-1] else made
    return made.transpose(1, 2).reshape(made.shape[0], made.shape[2], -1) if flat else made
