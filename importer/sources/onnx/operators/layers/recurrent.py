"""LSTM, GRU and RNN: torch's layers where they compute the same, which the importer's recurrent path knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from importer.sources.onnx.call import Call
from importer.sources.onnx.registry import MICROSOFT, operator
from importer.sources.onnx.values import Constant, Value, untraced

# The place of torch's gates among ONNX's.
_ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
_USUAL = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_STATES = {"LSTM": 2, "GRU": 1, "RNN": 1}


@dataclass(frozen=True)
class _Form:
    """The attributes of a node."""

    kind: str
    size: int
    direction: str
    activations: list[str]
    clip: float
    couples: bool  # the LSTM's input and forget gates
    resets_before: bool  # the GRU's reset gate multiplies the state before the product

    @property
    def directions(self) -> int:
        return 2 if self.direction == "bidirectional" else 1


@operator("LSTM", given=(1, 2, 3, 4, 5, 6, 7), inputs=(3, 8))
def _lstm(
    call: Call, x: Tensor, w: Value, r: Value, b: Value = None, lengths: Value = None,
    hidden: Value = None, cell: Value = None, peepholes: Value = None,
) -> list[Tensor]:  # fmt: skip
    return _run(call, x, (w, r, b), lengths, [hidden, cell], peepholes)


@operator("DynamicQuantizeLSTM", domain=MICROSOFT, given=None, inputs=(3, 12))
def _dynamic_lstm(
    call: Call, x: Value, w: Value, r: Value, b: Value = None, lengths: Value = None, hidden: Value = None,
    cell: Value = None, peepholes: Value = None, *scales: Value,
) -> list[Tensor]:  # fmt: skip
    """Its weights become floats: no kernel runs all steps in int8."""
    known = [number for item in (w, r, *scales) if (number := call.constant(item)) is not None]
    if len(known) != 6:
        raise call.unsupported("weights or scales that are computed")
    call.module.note("The weights of its quantized LSTM layers became floats.")
    call.module.is_more_exact = True
    made = call.module.kept(
        call.key, "weights", lambda: [_floats(known[0], known[2], known[3]), _floats(known[1], known[4], known[5])]
    )
    return _run(call, call.tensor(x), (made[0], made[1], b), lengths, [hidden, cell], peepholes)


def _floats(numbers: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """Weights [directions, inputs, gates], with a scale for each direction or gate, as [directions, gates, inputs]."""
    step, middle = (item.float().reshape(numbers.shape[0], 1, -1) for item in (scale, zero))
    return ((numbers.float() - middle) * step).transpose(1, 2).contiguous()


@operator("GRU", "RNN", given=(1, 2, 3, 4, 5), inputs=(3, 6))
def _gru(
    call: Call, x: Tensor, w: Value, r: Value, b: Value = None, lengths: Value = None, hidden: Value = None
) -> list[Tensor]:
    return _run(call, x, (w, r, b), lengths, [hidden], None)


def _run(
    call: Call, x: Tensor, weights: tuple[Value, Value, Value], lengths: Value, given: list[Value], peepholes: Value
) -> list[Tensor]:
    form = _form(call, weights[1])
    states = [None if _is_nothing(state) else call.tensor(state) for state in given]
    batch_first = bool(call.integer("layout", 0))
    if batch_first:
        x = x.transpose(0, 1)
        states = [None if state is None else state.transpose(0, 1) for state in states]
    steps, batch = x.shape[0], x.shape[1]
    known = [call.constant(item) for item in weights]
    if _is_whole(call, lengths, steps):
        lengths = None
    usual = form.activations == _USUAL[form.kind] * form.directions or form.activations == ["Relu"] * form.directions
    fits = usual and not form.clip and not form.couples and not form.resets_before and peepholes is None
    if fits and lengths is None and known[0] is not None and known[1] is not None and x.dtype == torch.float32:
        layer = call.layer(lambda: _layer(form, known))
        output, last = _through(layer, form, x, states)
    else:
        first = [x.new_zeros(form.directions, batch, form.size) if state is None else state for state in states]
        output, last = _by_hand(call, form, x, weights, lengths, first, peepholes)
    if batch_first:
        return [output.permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in last)]
    return [output, *last]


def _form(call: Call, r: Value) -> _Form:
    kind = call.node.operator.removeprefix("DynamicQuantize")
    direction = call.text("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise call.unsupported(f"the direction {direction}")
    count = 2 if direction == "bidirectional" else 1
    return _Form(
        kind,
        call.integer("hidden_size", int(call.tensor(r).shape[-1])),
        direction,
        call.texts("activations", _USUAL[kind] * count),
        call.number("clip", 0.0),
        bool(call.integer("input_forget", 0)),
        kind == "GRU" and not call.integer("linear_before_reset", 0),
    )


def _is_nothing(state: Value) -> bool:
    """Whether a first state is absent, or zeros, which is the same."""
    if isinstance(state, Constant):
        with untraced():
            return not bool(state.tensor.any())
    return state is None


def _is_whole(call: Call, lengths: Value, steps: Any) -> bool:
    """Whether each sequence is as long as all steps."""
    return isinstance(lengths, Constant) and isinstance(steps, int) and set(lengths.numbers()) == {steps}


def _layer(form: _Form, known: list[Tensor | None]) -> nn.Module:
    """torch's layer with the weights, its gates in torch's order."""
    w, r, b = known
    assert w is not None and r is not None
    options: dict[str, Any] = {"bias": b is not None, "bidirectional": form.directions == 2}
    if form.kind == "RNN":
        options["nonlinearity"] = form.activations[0].lower()
    kinds: dict[str, Any] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
    layer: nn.Module = kinds[form.kind](int(w.shape[-1]), form.size, **options)
    with torch.no_grad():
        for index, suffix in enumerate(["", "_reverse"][: form.directions]):
            getattr(layer, f"weight_ih_l0{suffix}").copy_(_ordered(w[index], form))
            getattr(layer, f"weight_hh_l0{suffix}").copy_(_ordered(r[index], form))
            if b is not None:
                half = b.shape[-1] // 2
                getattr(layer, f"bias_ih_l0{suffix}").copy_(_ordered(b[index][:half], form))
                getattr(layer, f"bias_hh_l0{suffix}").copy_(_ordered(b[index][half:], form))
    for parameter in layer.parameters():
        parameter.requires_grad_(False)
    return layer.eval()


def _ordered(value: Tensor, form: _Form) -> Tensor:
    parts = torch.split(value, form.size)
    return torch.cat([parts[index] for index in _ORDER[form.kind]])


def _through(layer: nn.Module, form: _Form, x: Tensor, states: list[Tensor | None]) -> tuple[Tensor, list[Tensor]]:
    backwards = form.direction == "reverse"
    given = x.flip(0) if backwards else x
    if all(state is None for state in states):
        output, last = layer(given)  # the form that can be rewritten to single steps
    else:
        first = [x.new_zeros(form.directions, x.shape[1], form.size) if state is None else state for state in states]
        output, last = layer(given, tuple(first) if form.kind == "LSTM" else first[0])
    output = output.reshape(output.shape[0], output.shape[1], form.directions, form.size).permute(0, 2, 1, 3)
    return output.flip(0) if backwards else output, list(last) if form.kind == "LSTM" else [last]


def _by_hand(
    call: Call,
    form: _Form,
    x: Tensor,
    weights: tuple[Value, Value, Value],
    lengths: Value,
    first: list[Tensor],
    peepholes: Value,
) -> tuple[Tensor, list[Tensor]]:
    """Step by step, for forms that torch's layers do not support."""
    if not isinstance(x.shape[0], int):
        raise call.unsupported("a number of steps that varies")
    w, r, b = (call.optional(item) for item in weights)
    assert w is not None and r is not None
    p = call.optional(peepholes)
    ends = call.optional(lengths)
    outputs, finals = [], []
    each = len(_USUAL[form.kind])
    for index in range(form.directions):
        backwards = form.direction == "reverse" or index == 1
        functions = [_activation(call, name) for name in form.activations[index * each : (index + 1) * each]]
        bias = torch.zeros(2 * w.shape[1], dtype=x.dtype) if b is None else b[index]
        cell = _Cell(form, functions, w[index], r[index], bias, None if p is None else p[index])
        output, final = _one_way(cell, x, [state[index] for state in first], ends, backwards)
        outputs.append(output)
        finals.append(final)
    last = [torch.stack([final[part] for final in finals]) for part in range(_STATES[form.kind])]
    return torch.stack(outputs, 1), last


def _one_way(
    cell: _Cell, x: Tensor, states: list[Tensor], ends: Tensor | None, backwards: bool
) -> tuple[Tensor, list[Tensor]]:
    found: list[Tensor | None] = [None] * x.shape[0]
    order = range(x.shape[0] - 1, -1, -1) if backwards else range(x.shape[0])
    for step in order:
        new = cell.step(x[step], states)
        output = new[0]
        if ends is not None:  # behind the end of a sequence the state stays and the output is 0
            inside = (ends > step).unsqueeze(1)
            new = [torch.where(inside, left, right) for left, right in zip(new, states, strict=True)]
            output = torch.where(inside, output, torch.zeros_like(output))
        states = new
        found[step] = output
    if ends is not None:  # a sequence without a step ends in zeros, in onnxruntime
        begun = (ends > 0).unsqueeze(1)
        states = [torch.where(begun, state, torch.zeros_like(state)) for state in states]
    return torch.stack([item for item in found if item is not None]), states


class _Cell:
    def __init__(
        self,
        form: _Form,
        functions: list[Callable[[Tensor], Tensor]],
        w: Tensor,
        r: Tensor,
        b: Tensor,
        p: Tensor | None,
    ) -> None:
        self.form, self.functions, self.w, self.r, self.p = form, functions, w, r, p
        self.input_bias, self.hidden_bias = b.chunk(2)

    def step(self, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        entering = functional.linear(x, self.w, self.input_bias)
        if self.form.kind == "GRU":
            return self._gru(entering, states[0])
        gates = entering + functional.linear(states[0], self.r, self.hidden_bias)
        if self.form.kind == "RNN":
            return [self.functions[0](self._clipped(gates))]
        enter, leave, forget, new = gates.chunk(4, -1)
        first, second, third = self.functions
        if self.p is not None:
            for_enter, for_leave, for_forget = self.p.chunk(3)
            enter, forget = enter + for_enter * states[1], forget + for_forget * states[1]
        enter = first(self._clipped(enter))
        kept = 1 - enter if self.form.couples else first(self._clipped(forget))
        cell = kept * states[1] + enter * second(self._clipped(new))
        if self.p is not None:
            leave = leave + for_leave * cell
        return [first(self._clipped(leave)) * third(cell), cell]

    def _gru(self, entering: Tensor, hidden: Tensor) -> list[Tensor]:
        size = self.form.size
        first, second = self.functions
        inner = functional.linear(hidden, self.r[: 2 * size], self.hidden_bias[: 2 * size])
        keep, reset = first(self._clipped(entering[:, : 2 * size] + inner)).chunk(2, -1)
        weight, bias = self.r[2 * size :], self.hidden_bias[2 * size :]
        if self.form.resets_before:
            product = functional.linear(reset * hidden, weight, bias)
        else:
            product = reset * functional.linear(hidden, weight, bias)
        new = second(self._clipped(entering[:, 2 * size :] + product))
        return [(1 - keep) * new + keep * hidden]

    def _clipped(self, x: Tensor) -> Tensor:
        return x.clamp(-self.form.clip, self.form.clip) if self.form.clip else x


def _activation(call: Call, name: str) -> Callable[[Tensor], Tensor]:
    known: dict[str, Callable[[Tensor], Tensor]] = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "softsign": functional.softsign,
        "softplus": functional.softplus,
        "hardsigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0.0, 1.0),
    }
    if name.lower() not in known or call.has("activation_alpha"):
        raise call.unsupported(f"the activation {name}")
    return known[name.lower()]
