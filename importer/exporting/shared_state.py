"""State that several methods of a program would share: each method of an ExecuTorch program has memory of its own."""

from __future__ import annotations

from collections.abc import Hashable

import torch

from importer.errors import ImporterError
from importer.exporting.python_state import written_buffers
from importer.model import Method

# Operators that look at the form of a tensor only, and what the functional form of writing to one is.
_VALUELESS = ("zeros_like", "ones_like", "full_like", "empty_like", "fill", "zero", "copy", "rand_like", "randn_like")


def refuse_shared_state(methods: list[Method]) -> None:
    """Raises SHARED_STATE for a buffer that one method changes and another one reads: `reset` would change a copy, and
    `forward` would never see it."""
    if len(methods) < 2:
        return
    written = {method.name: _changed(method) for method in methods}
    for method in methods:
        for pointer, name in _tensors(method).items():
            others = [other for other, found in written.items() if other != method.name and pointer in found]
            if others:
                cause = (
                    f"The methods '{others[0]}' and '{method.name}' share the buffer '{_shown(name)}', which "
                    f"'{others[0]}' changes. In a program each method has a copy of its own and would not see the "
                    "other's."
                )
                raise _refused(cause)
    for method in methods:
        for name, value in _written_in_vain(method).items():
            for other in methods:
                if other is not method and (alike := _alike(other, name, value)):
                    cause = (
                        f"The method '{method.name}' changes the buffer '{_shown(name)}' and never reads it, and "
                        f"'{other.name}' reads one of the same form and values, '{_shown(alike)}'. In a program each "
                        "method has a copy of its own and would not see the other's."
                    )
                    raise _refused(cause)


def overlapping_state(method: str, first: str, second: str) -> ImporterError:
    """The refusal of a method that writes to memory in which another of its tensors lies."""
    cause = (
        f"'{method}' changes '{first}', and '{second}' is a part of the same memory. In a program each has memory of "
        "its own, and the one would not see the other's change."
    )
    return ImporterError("SHARED_STATE", cause, f"Compute '{second}' from '{first}' in forward.", "export")


def _refused(cause: str) -> ImporterError:
    remedy = (
        "Give the state as an input and return it as an output, or keep one of the methods: a session's "
        "reset_state() gives all buffers their first values."
    )
    return ImporterError("SHARED_STATE", cause, remedy, "export")


def _written_in_vain(method: Method) -> dict[str, torch.Tensor]:
    """The buffers of a program of a file that it changes without looking at their values: only another program, for
    which it was the same buffer under another name, could see the change."""
    if not isinstance(method.eager, torch.fx.GraphModule) or not _may_change(method):
        return {}
    program = method.program.run_decompositions({})
    signature = program.graph_signature
    changed = set(signature.buffers_to_mutate.values())
    read = {
        signature.inputs_to_buffers.get(node.name)
        for node in program.graph.find_nodes(op="placeholder")
        if any(str(user.target).partition(".")[2].partition(".")[0] not in _VALUELESS for user in node.users)
    }
    return {name: value for name, value in _state(method).items() if name in changed - read}


def _alike(method: Method, name: str, value: torch.Tensor) -> str:
    """The buffer of a method that may be the same one as another program's; empty when there is none."""
    state, used = _state(method), {*_tensors(method).values()}
    if name in used:
        return ""  # of the same name: two buffers of their own forms
    for other in method.program.graph_signature.buffers:
        found = state.get(other)
        if other in used and found is not None and found.shape == value.shape and found.equal(value):
            return str(other)
    return ""


def _shown(name: str) -> str:
    """Without the name of the module that a method of a script is called through."""
    return name.removeprefix("inner.")


def _changed(method: Method) -> set[Hashable]:
    """The buffers that a call of a method changes."""
    program = method.program.run_decompositions({}) if _may_change(method) else method.program
    names = set(program.graph_signature.buffers_to_mutate.values())
    if not isinstance(method.eager, (torch.jit.ScriptModule, torch.fx.GraphModule)):
        names |= written_buffers(method.eager, method.example)
    return {_identity(method, name, value) for name, value in _state(method).items() if name in names}


def _may_change(method: Method) -> bool:
    """Whether an operator of the program writes to one of its arguments."""
    schemas = [getattr(node.target, "_schema", None) for node in method.program.graph.nodes]
    return any(schema is not None and schema.is_mutable for schema in schemas)


def _tensors(method: Method) -> dict[Hashable, str]:
    """The tensors that a method reads; a module that it wraps may have others."""
    signature = method.program.graph_signature
    targets = {**signature.inputs_to_buffers, **signature.inputs_to_parameters}
    used = {targets.get(node.name) for node in method.program.graph.nodes if node.op == "placeholder" and node.users}
    return {
        _identity(method, name, value): name for name, value in _state(method).items() if value.numel() and name in used
    }


def _state(method: Method) -> dict[str, torch.Tensor]:
    state = {**method.program.constants, **method.program.state_dict}
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def _identity(method: Method, name: str, value: torch.Tensor) -> Hashable:
    """Where a tensor lies. Each program of a file has copies: there a buffer of the same name and form is the same."""
    if isinstance(method.eager, torch.fx.GraphModule) and name in method.program.graph_signature.buffers:
        return name, tuple(value.shape), value.dtype
    return value.untyped_storage().data_ptr()
