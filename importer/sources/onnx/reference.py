"""The results of onnxruntime for an ONNX file, if it is installed. Importing this module imports torch."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

NAME = "onnxruntime"


def is_installed() -> bool:
    return importlib.util.find_spec(NAME) is not None


class Reference(nn.Module):
    """The file in onnxruntime, called as the module is. values: inputs that are fixed to a value."""

    def __init__(
        self, path: Path, inputs: Sequence[str], outputs: Sequence[str], values: Mapping[str, torch.Tensor]
    ) -> None:
        super().__init__()
        onnxruntime: Any = importlib.import_module(NAME)

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Its other optimizations change the last digits of the results.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self.title = f"{NAME} {onnxruntime.__version__}"
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        taken = {item.name for item in self._session.get_inputs()}
        self._values = {name: value.numpy() for name, value in values.items() if name in taken}
        self._inputs, self._outputs, self._taken = list(inputs), list(outputs), taken

    def forward(self, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = {
            name: value.detach().contiguous().numpy()
            for name, value in zip(self._inputs, arguments, strict=True)
            if name in self._taken
        }
        found = self._session.run(self._outputs, {**given, **self._values})
        return tuple(torch.as_tensor(value) for value in found)


def reference(
    path: Path, inputs: Sequence[str], outputs: Sequence[str], values: Mapping[str, torch.Tensor],
    example: tuple[torch.Tensor, ...],
) -> tuple[Reference | None, str]:  # fmt: skip
    """onnxruntime with the file, or nothing and the reason."""
    if not is_installed():
        return None, ""
    try:
        found = Reference(path, inputs, outputs, values)
        found(*example)
    except Exception as error:  # it raises classes of its own
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        reason = first.replace(f"{path.parent}/", "")[:200]
        return None, f"onnxruntime cannot run the file ({reason}), so the program was compared with PyTorch."
    return found, ""
