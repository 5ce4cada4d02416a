"""One node while it is computed: its attributes, and its inputs in the form that its operator needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from importer.errors import ImporterError
from importer.sources.onnx import refusals
from importer.sources.onnx.file.model_file import Attribute, Graph, Node
from importer.sources.onnx.scope import Scope
from importer.sources.onnx.tensors import to_torch
from importer.sources.onnx.values import Constant, Quantized, Sequence, Shifted, Size, Sizes, Value, Whole

if TYPE_CHECKING:
    from importer.sources.onnx.module import OnnxModule

MOST_ELEMENTS = 1 << 28
symbolic: Any = torch
"""torch, for its functions on sizes that vary, which have no types."""


class Call:
    """scope: the names that the node sees. key: which node it is, also inside of loops and functions."""

    def __init__(self, module: OnnxModule, node: Node, scope: Scope, key: tuple[Any, ...], folding: bool) -> None:
        self.module, self.node, self.scope, self.key, self.folding = module, node, scope, key, folding
        self.opset = scope.opsets.get(node.domain, scope.opsets.get("", 0))

    def integer(self, name: str, default: int | None = None) -> int:
        return int(self._attribute(name, "int", default))

    def number(self, name: str, default: float | None = None) -> float:
        return float(self._attribute(name, "float", default))

    def text(self, name: str, default: str | None = None) -> str:
        return str(self._attribute(name, "text", default))

    def integers(self, name: str, default: list[int] | None = None) -> list[int]:
        return list(self._attribute(name, "ints", default))

    def numbers(self, name: str, default: list[float] | None = None) -> list[float]:
        return list(self._attribute(name, "floats", default))

    def texts(self, name: str, default: list[str] | None = None) -> list[str]:
        return list(self._attribute(name, "texts", default))

    def graph(self, name: str) -> Graph:
        found = self._attribute(name, "graph", None)
        assert isinstance(found, Graph)
        return found

    def tensor_attribute(self, name: str) -> torch.Tensor:
        model = self.module.model
        return to_torch(self._attribute(name, "tensor", None), model.path.parent, model.path.stem)

    def has(self, name: str) -> bool:
        return self._found(name) is not None

    def kind(self, name: str) -> str:
        found = self._found(name)
        return found.kind if found else ""

    def _found(self, name: str) -> Attribute | None:
        found = self.node.attributes.get(name)
        if found is not None and found.reference:
            found = self.scope.attributes.get(found.reference)
        return found

    def _attribute(self, name: str, kind: str, default: Any) -> Any:
        found = self._found(name)
        if found is None:
            if default is None:
                raise refusals.bad_attribute(str(self.node), name, "is missing")
            return default
        if found.kind != kind:
            raise refusals.bad_attribute(str(self.node), name, f"is of the type {found.kind}; expected {kind}")
        return found.value

    def tensor(self, value: Value) -> torch.Tensor:
        """A value as a tensor that torch.export sees."""
        if isinstance(value, torch.Tensor):
            return value
        if isinstance(value, Constant):
            return value.tensor if self.folding else self.module.parameter(value)
        if isinstance(value, Sizes):
            return _tensor_of_sizes(value)
        if isinstance(value, Shifted):
            return (value.tensor.to(torch.int16) + 128).to(torch.uint8)
        if isinstance(value, Whole):
            return value.tensor.to(torch.int64).to(value.dtype)
        if isinstance(value, Quantized):
            return self._dequantized(value)
        raise self.fails("takes a tensor where the file gives a sequence or nothing")

    def _dequantized(self, value: Quantized) -> torch.Tensor:
        """The weights of a quantized layer as XNNPACK recognises them: integers, and the call that scales them."""
        numbers, scale, zero = (self.tensor(item) for item in (value.numbers, value.scale, value.zero))
        operators = torch.ops.quantized_decomposed
        if value.axis is None:
            first = value.scale.numbers()[0], int(value.zero.numbers()[0])
            return operators.dequantize_per_tensor(numbers, *first, -128, 127, torch.int8)  # type: ignore[no-any-return]
        return operators.dequantize_per_channel(  # type: ignore[no-any-return]
            numbers, scale, zero, value.axis, -128, 127, torch.int8
        )

    def optional(self, value: Value) -> torch.Tensor | None:
        return None if value is None else self.tensor(value)

    def sequence(self, value: Value) -> Sequence:
        if not isinstance(value, Sequence):
            raise self.fails("takes a sequence where the file gives a tensor")
        return value

    def sizes(self, value: Value) -> list[Size]:
        """The numbers of a value that must be known without running the model, such as a shape."""
        if isinstance(value, Sizes):
            return list(value.numbers.reshape(-1))
        if isinstance(value, Constant):
            return value.numbers()
        raise self.needs_value(value)

    def size(self, value: Value) -> Size:
        found = self.sizes(value)
        if len(found) != 1:
            raise self.fails(f"takes one number where the file gives {len(found)}")
        return found[0]

    def constant(self, value: Value) -> torch.Tensor | None:
        """The tensor of a value that is known before the model runs."""
        if isinstance(value, Constant):
            return value.tensor
        if isinstance(value, Sizes) and value.is_known:
            return torch.tensor(np.array(value.numbers.tolist()), dtype=value.dtype).reshape(value.numbers.shape)
        return None

    def known_number(self, value: Value) -> Any:
        """The one number of a value that is known before the model runs; nothing when it is not known."""
        if isinstance(value, Constant) and value.tensor.numel() == 1:
            return value.numbers()[0]
        if isinstance(value, Sizes) and value.is_known and value.numbers.size == 1:
            return value.numbers.reshape(-1)[0]
        return None

    def derived(self, value: Value, how: str, make: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """The result of `make` for a value; of a constant it is made once."""
        if isinstance(value, Constant) and not self.folding:
            return self.module.parameter(self.module.derived(value, how, make))
        return make(self.tensor(value))

    def layer(self, make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        """A torch layer that belongs to this node, made once."""
        return self.module.layer(self.key, make)

    def needs_value(self, value: Value) -> ImporterError:
        cause = (
            f"{self.title()} needs numbers that depend on the values of the model's inputs, such as a shape. "
            "The shapes of an ExecuTorch program must be known before it runs."
        )
        remedy = (
            "Fix sizes in the option 'inputs', or export the model without this part (such as its post-processing)."
        )
        return ImporterError("ONNX_VALUE_NEEDED", cause, remedy, "load")

    def unsupported(self, what: str) -> ImporterError:
        """ONNX_OPERATOR_UNSUPPORTED for a form of the operator that is not supported."""
        return unsupported_operator(self.node, self.opset, what)

    def fails(self, reason: str) -> ImporterError:
        remedy = (
            "Export the model again. If the option 'inputs' gives other sizes than the export had, declare those, or "
            "export the model with sizes that vary."
        )
        return ImporterError("ONNX_NODE_FAILS", f"{self.title()} {reason}.", remedy, "load")

    def title(self) -> str:
        text = str(self.node)
        return text[0].upper() + text[1:]

    def check_elements(self, shape: Any) -> None:
        """Raises ONNX_TOO_LARGE for a result that would have too many elements."""
        count = 1
        for size in shape:
            if isinstance(size, int):
                if size < 0:
                    raise self.fails(f"would make a tensor of the negative size {size}")
                count *= size
        if count > MOST_ELEMENTS:
            raise refusals.too_large(f"{self.node} would make a tensor of {count:,} elements")


def unsupported_operator(node: Node, opset: int, what: str = "") -> ImporterError:
    domain = node.domain or "ai.onnx"
    form = f" with {what}" if what else ""
    cause = f"The ONNX operator {domain}.{node.operator} of opset {opset}{form} is not supported: {node}."
    remedy = "Export the model with other operators, or from PyTorch with torch.export.save."
    return ImporterError("ONNX_OPERATOR_UNSUPPORTED", cause, remedy, "load")


def _tensor_of_sizes(value: Sizes) -> torch.Tensor:
    flat = list(value.numbers.reshape(-1))
    if value.is_known:
        return torch.tensor(flat, dtype=value.dtype).reshape(value.numbers.shape)
    if not flat:
        return torch.zeros(value.numbers.shape, dtype=value.dtype)
    scalars = [torch.scalar_tensor(item, dtype=value.dtype) for item in flat]
    return torch.stack(scalars).reshape(value.numbers.shape)
