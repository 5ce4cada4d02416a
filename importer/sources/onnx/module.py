"""An ONNX graph as a torch module: values that do not depend on an input are computed once, the rest are torch calls.

Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from importer.errors import ImporterError
from importer.sources.onnx import operators, refusals
from importer.sources.onnx.call import Call, unsupported_operator
from importer.sources.onnx.dynamic import with_dynamic_layers
from importer.sources.onnx.file.graph_checks import in_order
from importer.sources.onnx.file.limits import SizeGuard, largest_constants, largest_result
from importer.sources.onnx.file.model_file import Graph, Model, Node
from importer.sources.onnx.moved_steps import with_moves_in_floats
from importer.sources.onnx.own_copies import rounded_values, with_own_dequantizers
from importer.sources.onnx.registry import Operator, find, results
from importer.sources.onnx.scope import Scope
from importer.sources.onnx.sizes import on_sizes
from importer.sources.onnx.tensors import to_torch
from importer.sources.onnx.values import Constant, Quantized, Sequence, Shifted, Sizes, Value, Whole, untraced

MOST_STEPS = 200_000  # nodes that run; those of a loop count in each round
MOST_DEPTH = 32
_WEIGHTS_ONLY = "Weights of it are quantized, and their layer's input or result is not: these weights became floats."
assert operators  # registers all of them


class _Memory:
    """The caches of the module between its calls; they do not change its results.

    budget: bytes that may still be computed from the file's tensors. known: results that depend on no input, by node.
    from_8_bits: the tensors of this call that are dequantized 8 bits.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.steps = 0
        self.constants: dict[str, Constant] = {}
        self.known: dict[tuple[Any, ...], list[Value]] = {}
        self.parameters_of: dict[int, str] = {}
        self.derived: dict[tuple[int, str], Constant] = {}
        self.layers_of: dict[tuple[Any, ...], str] = {}
        self.kept: list[Constant] = []
        self.read: dict[int, Constant] = {}
        self.numbers: dict[tuple[str, int], Constant] = {}
        self.made: dict[tuple[Any, ...], list[Constant]] = {}
        self.from_8_bits: dict[int, torch.Tensor] = {}


class OnnxModule(nn.Module):
    """fixed: no size of an input varies, so shapes are constants as well. values: inputs that are fixed to a value.
    exact: layers that are quantized dynamically compute in floats."""

    def __init__(
        self, model: Model, fixed: bool, values: Mapping[str, torch.Tensor] | None = None, exact: bool = False
    ) -> None:
        super().__init__()
        graph = with_moves_in_floats(with_dynamic_layers(model.graph))
        self.model = replace(model, graph=with_own_dequantizers(graph))
        self._rounded = rounded_values(self.model.graph)
        self.fixed = fixed
        self.exact = exact
        self.notes: list[str] = []
        self.is_more_exact = False  # it computes in floats what onnxruntime rounds to 8 bits
        self._values = {name: Constant(value) for name, value in (values or {}).items()}
        self.inputs = [item for item in model.graph.inputs if item.name not in model.graph.constants | self._values]
        self.outputs = list(model.graph.outputs)
        self._memory = _Memory(largest_constants(model))
        self.is_quantized = any(
            node.operator in ("QuantizeLinear", "DynamicQuantizeLinear", "QGemm")
            or (node.operator == "DynamicQuantizeMatMul" and not exact)
            or node.operator.startswith("QLinear")
            for node in self.model.graph.nodes
        )

    def forward(self, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self._memory.steps = 0
        self._memory.from_8_bits.clear()
        scope = Scope({**self._values}, self.model.opsets)
        scope.names.update({item.name: value for item, value in zip(self.inputs, arguments, strict=True)})
        self.run(self.model.graph, scope, ())
        found = [scope.find(item.name) for item in self.outputs]
        self._memory.constants = {
            item.name: value for item, value in zip(self.outputs, found, strict=True) if isinstance(value, Constant)
        }
        last = Call(self, Node("Identity", "", "output", (), (), {}), scope, ("output",), False)
        tensors = [last.tensor(value) for value in found]
        return tuple(value.clone() if any(value is other for other in arguments) else value for value in tensors)

    def probe(
        self, example: tuple[torch.Tensor, ...], before_many: Callable[[], None] | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Run once, with limits: compute constants, and find nodes that cannot run. `before_many`: see SizeGuard."""
        with torch.no_grad(), SizeGuard(largest_result(self.model), before_many):
            made: tuple[torch.Tensor, ...] = self(*example)
        return made

    def constant_outputs(self) -> dict[str, torch.Tensor]:
        """The outputs that do not depend on an input, after the probe."""
        return {name: value.tensor for name, value in self._memory.constants.items()}

    def run(self, graph: Graph, scope: Scope, key: tuple[Any, ...]) -> list[Value]:
        """The outputs of a graph; its names are added to the scope."""
        if scope.depth > MOST_DEPTH:
            raise refusals.too_large("its graphs are nested too deep")
        for name, item in graph.constants.items():
            scope.names.setdefault(name, self._constant(item))
        known = list(scope.names)
        for index, node in enumerate(in_order(graph.nodes, known)):
            self._step(node, scope, (*key, index))
        return [scope.find(item.name) for item in graph.outputs]

    def parameter(self, constant: Constant) -> torch.Tensor:
        """A constant as torch.export sees weights."""
        name = self._memory.parameters_of.get(id(constant))
        if name is None:
            name = f"constant_{len(self._memory.kept)}"
            self._memory.kept.append(constant)
            self._memory.parameters_of[id(constant)] = name
            self.register_parameter(name, nn.Parameter(constant.tensor, requires_grad=False))
        found = getattr(self, name)
        assert isinstance(found, torch.Tensor)
        return found

    def derived(self, constant: Constant, how: str, make: Callable[[torch.Tensor], torch.Tensor]) -> Constant:
        key = (id(constant), how)
        if key not in self._memory.derived:
            self._memory.kept.append(constant)
            with untraced(), torch.no_grad():
                self._memory.derived[key] = Constant(make(constant.tensor).contiguous())
        return self._memory.derived[key]

    def layer(self, key: tuple[Any, ...], make: Callable[[], nn.Module]) -> nn.Module:
        if key not in self._memory.layers_of:
            self._memory.layers_of[key] = f"layer_{len(self._memory.layers_of)}"
            self.add_module(self._memory.layers_of[key], make())
        return self.get_submodule(self._memory.layers_of[key])

    def kept(self, key: tuple[Any, ...], how: str, make: Callable[[], list[torch.Tensor]]) -> list[Constant]:
        """Constants that belong to a node, made once."""
        place = (*key, how)
        if place not in self._memory.made:
            with untraced(), torch.no_grad():
                self._memory.made[place] = [Constant(value) for value in make()]
        return self._memory.made[place]

    def number(self, value: int | bool) -> Constant:
        """A number as a constant, the same one each time."""
        return self._memory.numbers.setdefault((type(value).__name__, value), Constant(torch.tensor(value)))

    def remember_8_bits(self, tensor: torch.Tensor) -> None:
        self._memory.from_8_bits[id(tensor)] = tensor

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _constant(self, item: Any) -> Constant:
        if id(item) not in self._memory.read:
            self._memory.read[id(item)] = Constant(to_torch(item, self.model.path.parent, self.model.path.stem))
        return self._memory.read[id(item)]

    def _step(self, node: Node, scope: Scope, key: tuple[Any, ...]) -> None:
        if key in self._memory.known:
            made = self._memory.known[key]
        else:
            self._memory.steps += 1
            if self._memory.steps > MOST_STEPS:
                raise refusals.too_large(f"more than {MOST_STEPS:,} nodes run in one call")
            made = self._compute(node, scope, key)
            if self._may_keep(made):
                self._memory.known[key] = made
        for name, value in zip(node.outputs, made, strict=False):
            if name:
                scope.names[name] = value

    def _may_keep(self, made: list[Value]) -> bool:
        return bool(made) and all(isinstance(value, Constant) for value in made)

    def _compute(self, node: Node, scope: Scope, key: tuple[Any, ...]) -> list[Value]:
        function = self.model.functions.get((node.domain, node.operator))
        if function is not None:
            return self._run_function(node, scope, key)
        found = find(node.domain, node.operator)
        given = [scope.find(name) for name in node.inputs]
        if node.operator not in ("Identity", "Transpose"):
            given = self._with_weights(node, given)
        call = Call(self, node, scope, key, False)
        if found is None:
            raise unsupported_operator(node, call.opset)
        if not found.least <= len(given) <= found.most or None in given[: found.least]:
            raise call.fails(f"has {len(given)} inputs; expected {found.least} to {found.most}")
        call.folding = found.folds and all(value is None or isinstance(value, Constant) for value in given)
        if not call.folding and any(isinstance(value, Sizes) for value in given):
            made = on_sizes(call, given)
            if made is not None:
                return made
        return self._applied(found, call, given)

    def _with_weights(self, node: Node, given: list[Value]) -> list[Value]:
        """XNNPACK computes with 8 bits only when both sides and the result have them: other weights become floats."""
        if node.outputs[0] in self._rounded and any(id(value) in self._memory.from_8_bits for value in given):
            return given
        return [self.in_floats(value) if isinstance(value, Quantized) else value for value in given]

    def in_floats(self, weight: Quantized) -> Constant:
        """Weights of a layer that XNNPACK does not compute with 8 bits."""
        if weight.numbers.tensor.numel() > 1024:
            self.note(_WEIGHTS_ONLY)
        return self.derived(weight.numbers, f"floats_{weight.axis}", weight.floats)

    def _applied(self, found: Operator, call: Call, given: list[Value]) -> list[Value]:
        as_tensors = [
            value
            if found.given is None or index in found.given or isinstance(value, Sequence)
            else call.optional(value)
            for index, value in enumerate(given)
        ]
        try:
            if call.folding:
                with untraced(), SizeGuard(self._memory.budget):
                    return [self._folded(value) for value in results(found.function(call, *as_tensors))]
            return results(found.function(call, *as_tensors))
        except (ImporterError, MemoryError):
            raise
        except Exception as error:
            if torch.compiler.is_exporting():
                raise
            shapes = ", ".join(_shape(value) for value in given)
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise call.fails(f"cannot compute with {shapes or 'its attributes'}: {reason}") from error

    def _folded(self, value: Value) -> Value:
        if not isinstance(value, torch.Tensor):
            return value
        self._memory.budget -= value.numel() * value.element_size()
        if self._memory.budget < 0:
            raise refusals.too_large("the values computed from its constants need too many bytes")
        return Constant(value.detach())

    def _run_function(self, node: Node, scope: Scope, key: tuple[Any, ...]) -> list[Value]:
        function = self.model.functions[(node.domain, node.operator)]
        given = [scope.find(name) for name in node.inputs]
        given += [None] * (len(function.inputs) - len(given))
        attributes = {**function.defaults}
        for name, item in node.attributes.items():
            outer = scope.attributes.get(item.reference) if item.reference else item
            if outer is not None:
                attributes[name] = outer
        names = dict(zip(function.inputs, given, strict=False))
        inner = Scope(names, function.opsets, attributes, scope.depth + 1)
        if inner.depth > MOST_DEPTH:
            raise refusals.too_large("its functions are nested too deep")
        for index, part in enumerate(in_order(function.nodes, function.inputs)):
            self._step(part, inner, (*key, index))
        return [inner.names.get(name) for name in function.outputs]


def _shape(value: Value) -> str:
    if isinstance(value, Constant):
        value = value.tensor
    if isinstance(value, (Shifted, Whole)):
        value = value.tensor
    if isinstance(value, Quantized):
        value = value.numbers.tensor
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    return "nothing" if value is None else type(value).__name__.lower()
