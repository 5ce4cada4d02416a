"""silero-vad's TorchScript takes a sample rate, which is not a tensor: its inner network is the method to import."""

from __future__ import annotations

from typing import Any

import torch


def methods(model: Any) -> dict[str, Any]:
    return {"forward": (model._model, (torch.randn(1, 576), torch.zeros(2, 1, 128)))}
