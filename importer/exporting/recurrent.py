"""Recurrent layers: torch.export keeps LSTM, GRU and RNN as one operator, and lowering would unroll it step by step.

`kernel` puts our own kernels in its place, which run all steps in one call. `scan` puts torch's scan there (the loop
stays a loop), for programs that another ExecuTorch runs. `step` makes the layer keep its state in buffers and take one
step with each call, `unroll` leaves it. Importing this module imports torch.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.nn import functional

from importer.errors import ImporterError
from importer.exporting.reexport import attribute, export_again, program_module, replace_by_module
from importer.kernels.recurrent_layers import KernelLayers
from importer.model import Method

_KINDS = {
    torch.ops.aten.lstm.input: "lstm",
    torch.ops.aten.gru.input: "gru",
    torch.ops.aten.rnn_tanh.input: "rnn_tanh",
    torch.ops.aten.rnn_relu.input: "rnn_relu",
}
_STEPS_CHECKED = 8


@dataclass
class Rewritten:
    """How many recurrent layers or operators became calls of our kernels, and how many became loops."""

    kernels: int = 0
    loops: int = 0

    def note(self, name: str) -> str:
        """A sentence for the metadata about the method `name`; empty when there is nothing to say."""
        told = []
        if self.kernels:
            told.append(
                f"Recurrent layers of '{name}' that run in Godot ExecuTorch's own kernels: {self.kernels}. For another "
                "ExecuTorch, import with recurrent 'scan'."
            )
        if self.loops:
            told.append(f"Recurrent layers of '{name}' that run as a loop (scan): {self.loops}.")
        return " ".join(told)


def rewrite_recurrent(method: Method, kernels: bool) -> tuple[ExportedProgram, Rewritten]:
    """The program with every recurrent operator as a call of our kernels, or as a scan. One step needs neither: it is
    written in plain operators, which any ExecuTorch runs."""
    if all(_is_one_step(node) for node in method.program.graph.nodes if node.target in _KINDS):
        return method.program, Rewritten()
    module = program_module(method)
    rewritten = rewrite_graph(module, kernels)
    return export_again(module, method), rewritten


def rewrite_graph(module: torch.fx.GraphModule, kernels: bool) -> Rewritten:
    """Put a call of our kernels or a scan in the place of every recurrent operator of a graph."""
    rewritten = Rewritten()
    for number, node in enumerate(list(module.graph.nodes)):
        if node.op != "call_function" or node.target not in _KINDS or _is_one_step(node):
            continue
        source, state, weights, has_biases, layers, _, _, both, batch_first = node.args
        states = list(state) if isinstance(state, (list, tuple)) else [state]  # only the LSTM has two
        arguments: tuple[Any, ...] = (source, states)
        tensors = _constants(module, weights)
        kind = _KINDS[node.target]
        if kernels and tensors and KernelLayers.can_run(kind, has_biases, tensors, layers, both):
            inner: nn.Module = KernelLayers(kind, has_biases, layers, both, batch_first, tensors)
            rewritten.kernels += 1
        else:
            inner = _Scan(kind, has_biases, layers, both, batch_first)
            arguments = (source, states, list(weights))
            rewritten.loops += 1
        replace_by_module(module, node, f"recurrent_{number}", inner, arguments)
    module.graph.eliminate_dead_code()
    module.recompile()
    return rewritten


def _constants(module: torch.fx.GraphModule, nodes: Any) -> list[torch.Tensor]:
    """The tensors of a list of weights; empty when one of them is computed."""
    if any(node.op != "get_attr" for node in nodes):
        return []
    return [attribute(module, node.target) for node in nodes]


def refuse_varying_state(method: Method) -> None:
    """Raises DYNAMIC_SHAPE_REFUSED for a loop whose state has a dimension that varies: ExecuTorch keeps the state in
    memory of one size, and the first call of another size fails inside of it."""
    for node in method.program.graph.nodes:
        if node.target is not torch.ops.higher_order.scan:
            continue
        for state in node.args[1]:
            shape = list(state.meta["val"].shape)
            if any(not isinstance(size, int) for size in shape):
                cause = (
                    f"A recurrent layer of '{method.name}' runs as a loop (scan) and its state is {shape}: a batch "
                    "that varies. ExecuTorch cannot resize the state of a loop."
                )
                remedy = "Fix the batch in the option 'inputs', such as `x: float32[1,steps:2..160,8]`; steps may vary."
                raise ImporterError("DYNAMIC_SHAPE_REFUSED", cause, remedy, "export")


def rewrite_to_steps(module: nn.Module) -> list[str]:
    """Replace recurrent layers inside a module by ones that keep their state; returns their names.

    Each is compared with its original over a sequence. Raises RECURRENT_STEP_NOT_POSSIBLE.
    """
    names = []
    for name, layer in list(module.named_modules()):
        if not isinstance(layer, (nn.LSTM, nn.GRU, nn.RNN)):
            continue
        if layer.bidirectional:
            cause = f"The layer '{name}' runs in both directions, so it needs the whole sequence."
            raise ImporterError("RECURRENT_STEP_NOT_POSSIBLE", cause, "Use the option recurrent 'scan'.", "export")
        step = Step(layer)
        _check_step(layer, step, name)
        parent = module.get_submodule(name.rpartition(".")[0])
        setattr(parent, name.rpartition(".")[2], step)
        names.append(name)
    return names


def with_sequence_layers(module: nn.Module, kernels: bool) -> tuple[nn.Module, Rewritten]:
    """A copy whose recurrent layers are kernels or scans before the export.

    For dimensions that vary: torch.export walks through an LSTM's steps and so fixes their number.
    """
    rewritten = Rewritten()
    layers = [name for name, layer in module.named_modules() if isinstance(layer, (nn.LSTM, nn.GRU, nn.RNN))]
    if not layers:
        return module, rewritten
    changed = copy.deepcopy(module)
    for name in layers:
        layer = SequenceLayer(changed.get_submodule(name), kernels)  # type: ignore[arg-type]
        rewritten.kernels += layer.uses_kernels
        rewritten.loops += not layer.uses_kernels
        if not name:
            return layer, rewritten
        setattr(changed.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], layer)
    return changed, rewritten


class SequenceLayer(nn.Module):
    """A recurrent layer with the same weights and results, written with our kernels or as a scan."""

    def __init__(self, layer: nn.RNNBase, kernels: bool) -> None:
        super().__init__()
        self.layer = layer
        self.kind = {"RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}.get(layer.mode, layer.mode.lower())
        form = (self.kind, layer.bias, layer.num_layers, layer.bidirectional)
        weights = [weight for group in layer.all_weights for weight in group]
        self.uses_kernels = kernels and KernelLayers.can_run(
            self.kind, layer.bias, weights, layer.num_layers, layer.bidirectional
        )
        self.whole: nn.Module = (
            KernelLayers(*form, layer.batch_first, weights) if self.uses_kernels else _Scan(*form, layer.batch_first)
        )

    def __getattr__(self, name: str) -> Any:
        # Models make their first state out of the layer's `num_layers` and `hidden_size`.
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("layer"), name)

    def forward(self, value: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        if value.dim() == 2:  # a sequence without a batch
            axis = 0 if self.layer.batch_first else 1
            given = tuple(part.unsqueeze(1) for part in state) if isinstance(state, (list, tuple)) else state
            given = given.unsqueeze(1) if isinstance(given, torch.Tensor) else given
            output, last = self.forward(value.unsqueeze(axis), given)
            final = tuple(part.squeeze(1) for part in last) if self.kind == "lstm" else last.squeeze(1)
            return output.squeeze(axis), final
        layer = self.layer
        if state is None:
            count = layer.num_layers * (2 if layer.bidirectional else 1)
            batch = value.shape[0 if layer.batch_first else 1]
            sizes = [getattr(layer, "proj_size", 0) or layer.hidden_size, layer.hidden_size]
            states = [value.new_zeros(count, batch, size) for size in sizes[: 2 if self.kind == "lstm" else 1]]
        else:
            states = list(state) if isinstance(state, (list, tuple)) else [state]
        if self.uses_kernels:
            output, *last = self.whole(value, states)
        else:
            output, *last = self.whole(value, states, [weight for group in layer.all_weights for weight in group])
        return output, tuple(last) if self.kind == "lstm" else last[0]


class Step(nn.Module):
    """One step of a recurrent layer; its state is in buffers, for a batch of 1. The sequence's length is 1."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.kind = {"RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}.get(layer.mode, layer.mode.lower())
        self.layers = layer.num_layers
        self.batch_first = layer.batch_first
        self.has_biases = layer.bias
        self.weights = nn.ParameterList([weight for group in layer.all_weights for weight in group])
        for index in range(layer.num_layers):
            size = getattr(layer, "proj_size", 0) or layer.hidden_size
            self.register_buffer(f"hidden_{index}", torch.zeros(1, size))
            if self.kind == "lstm":
                self.register_buffer(f"cell_{index}", torch.zeros(1, layer.hidden_size))

    def forward(self, value: torch.Tensor) -> tuple[torch.Tensor, Any]:
        flat = value.reshape(1, -1)
        per_layer = len(self.weights) // self.layers
        states: list[tuple[torch.Tensor, ...]] = []
        for index in range(self.layers):
            weights = list(self.weights)[index * per_layer : (index + 1) * per_layer]
            hidden = getattr(self, f"hidden_{index}")
            old = (hidden, getattr(self, f"cell_{index}")) if self.kind == "lstm" else (hidden,)
            projected = functional.linear(flat, weights[0], weights[2] if self.has_biases else None)
            inner = functional.linear(hidden, weights[1], weights[3] if self.has_biases else None)
            new = _cell(self.kind, projected, inner, old, weights[4:] if self.has_biases else weights[2:])
            hidden.copy_(new[0])
            if self.kind == "lstm":
                getattr(self, f"cell_{index}").copy_(new[1])
            states.append(new)
            flat = new[0]
        shape = (1,) * (value.dim() - 1) + (-1,)
        hidden_all = torch.stack([state[0] for state in states])
        last = (hidden_all, torch.stack([state[1] for state in states])) if self.kind == "lstm" else hidden_all
        return flat.reshape(shape), last


class _Scan(nn.Module):
    """The operator's arguments and results, computed with a loop that stays one."""

    def __init__(self, kind: str, has_biases: bool, layers: int, both: bool, batch_first: bool) -> None:
        super().__init__()
        self.kind, self.has_biases, self.layers, self.both, self.batch_first = (
            kind,
            has_biases,
            layers,
            both,
            batch_first,
        )

    def forward(
        self, value: torch.Tensor, state: list[torch.Tensor], weights: list[torch.Tensor]
    ) -> tuple[torch.Tensor, ...]:
        sequence = value.transpose(0, 1) if self.batch_first else value
        directions = 2 if self.both else 1
        each = len(weights) // (self.layers * directions)
        last: list[tuple[torch.Tensor, ...]] = []
        for layer in range(self.layers):
            results = []
            for direction in range(directions):
                index = layer * directions + direction
                own = weights[index * each : (index + 1) * each]
                first = tuple(part[index] for part in state)
                result, final = self._run(sequence.flip(0) if direction else sequence, first, own)
                results.append(result.flip(0) if direction else result)
                last.append(final)
            sequence = torch.cat(results, -1) if directions == 2 else results[0]
        output = sequence.transpose(0, 1) if self.batch_first else sequence
        return (output, *(torch.stack([final[part] for final in last]) for part in range(len(state))))

    def _run(
        self, sequence: torch.Tensor, first: tuple[torch.Tensor, ...], weights: list[torch.Tensor]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        from torch._higher_order_ops.scan import scan

        # The part that does not depend on the state is one large product outside of the loop.
        projected = functional.linear(sequence, weights[0], weights[2] if self.has_biases else None)
        # Transposed once: lowering takes a linear layer in a loop apart, and would transpose its weights in each step.
        recurrent, bias = weights[1].t(), weights[3] if self.has_biases else None
        further = weights[4:] if self.has_biases else weights[2:]

        def step(carry: list[torch.Tensor], item: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
            inner = torch.mm(carry[0], recurrent)
            new = _cell(self.kind, item, inner if bias is None else inner + bias, tuple(carry), further)
            # A scan's carry and result may not be the same tensor.
            return list(new), new[0].clone()

        final, outputs = scan(step, [part.clone() for part in first], projected, dim=0)
        return outputs, tuple(final)


def _cell(
    kind: str,
    projected: torch.Tensor,
    inner: torch.Tensor,
    state: tuple[torch.Tensor, ...],
    further: list[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    """One step: the input's product, the state's product, the state -> the new state. further: a projection."""
    hidden = state[0]
    size = inner.shape[-1]
    if kind == "lstm":
        part = size // 4
        gates = projected + inner
        enter, forget = torch.sigmoid(gates[:, :part]), torch.sigmoid(gates[:, part : 2 * part])
        cell = forget * state[1] + enter * torch.tanh(gates[:, 2 * part : 3 * part])
        result = torch.sigmoid(gates[:, 3 * part :]) * torch.tanh(cell)
        return (functional.linear(result, further[0]) if further else result), cell
    if kind == "gru":
        part = size // 3
        both = torch.sigmoid(projected[:, : 2 * part] + inner[:, : 2 * part])
        reset, update = both[:, :part], both[:, part:]
        new = torch.tanh(projected[:, 2 * part :] + reset * inner[:, 2 * part :])
        return ((hidden - new) * update + new,)
    total = projected + inner
    return (torch.tanh(total) if kind == "rnn_tanh" else torch.relu(total),)


def _is_one_step(node: torch.fx.Node) -> bool:
    value = node.args[0].meta.get("val")  # type: ignore[union-attr]
    steps = value.shape[1 if node.args[8] else 0] if isinstance(value, torch.Tensor) and value.dim() == 3 else 0
    return isinstance(steps, int) and steps == 1


def _check_step(layer: nn.RNNBase, step: Step, name: str) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        sequence = torch.randn(_STEPS_CHECKED, 1, layer.input_size, generator=generator)
        expected = layer(sequence.transpose(0, 1) if layer.batch_first else sequence)[0].reshape(_STEPS_CHECKED, -1)
        got = torch.stack([step(item)[0].reshape(-1) for item in sequence])
        for buffer in step.buffers():
            buffer.zero_()
    if not torch.allclose(expected, got, rtol=1e-4, atol=1e-5):
        off = float((expected - got).abs().max())
        cause = f"The layer '{name}' in single steps differs from the whole sequence by {off:.3g}."
        raise ImporterError("RECURRENT_STEP_NOT_POSSIBLE", cause, "Use the option recurrent 'scan'.", "export")
