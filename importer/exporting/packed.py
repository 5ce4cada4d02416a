"""Packed sequences, whose size depends on the values of the lengths, which no program has. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from importer.errors import ImporterError
from importer.model import Arguments

_NAME = "_pack_padded_sequence"


def packed_error(name: str, module: torch.nn.Module, example: Arguments, log: str) -> ImporterError | None:
    """The error for a model that packs sequences; nothing for others."""
    if not _packs(module, example):
        return None
    cause = (
        f"'{name}' calls pack_padded_sequence: how much it packs depends on the values of the lengths, as no size in a "
        "program may."
    )
    remedy = (
        "Give the padded sequence to the layer, and read each sequence's last step with torch.gather; or give one "
        "sequence with each call, with a number of steps that varies (x: float32[1,steps:1..64,8])."
    )
    return ImporterError("EXPORT_DATA_DEPENDENT", cause, remedy, "export", log)


def _packs(module: torch.nn.Module, example: Arguments) -> bool:
    if isinstance(module, torch.jit.ScriptModule):
        return f"aten::{_NAME}(" in str(module.inlined_graph)
    seen = _Seen()
    try:
        with torch.no_grad(), seen:
            module(*example[0], **example[1])
    except Exception:  # the export reports what failed
        return seen.packs
    return seen.packs


class _Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.packs = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.packs = self.packs or _NAME in str(func)
        return func(*args, **(kwargs or {}))
