"""What a model keeps in plain attributes of its modules, such as `self.steps += 1`: a program keeps the value that they
had at the export. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from importer.errors import ImporterError
from importer.inputs.samples import copied, flatten_outputs
from importer.model import Arguments

_OF_TORCH = frozenset(["_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "training"])
_MOST_COPIED = 256 << 20  # bytes
_NUMBERS = (bool, int, float, complex)
_PLAIN = (*_NUMBERS, str, bytes, type(None))

State = list[tuple[torch.nn.Module, dict[str, Any], str]]


@contextmanager
def kept_attributes(module: torch.nn.Module) -> Iterator[State]:
    """Gives the module's plain attributes, and puts them, buffers and parameters back at the end."""
    saved = _plain_state(module)
    tensors = _tensors(module)
    objects = _buffers(module)
    try:
        yield saved
    finally:
        for owner, old, _ in saved:
            vars(owner).update(old)
        # `self.h = ...` puts another tensor in the place of one that other methods may share.
        for buffers, owned in objects:
            buffers.update(owned)
        _restore(module, tensors)


def answer(module: torch.nn.Module, example: Arguments) -> Any:
    """Eager's results for the example; None when it refuses them, which the export reports with its reason."""
    try:
        with torch.no_grad():
            positional, keyword = copied(example)
            return module(*positional, **keyword)
    except Exception:
        return None


def written_buffers(module: torch.nn.Module, example: Arguments) -> set[str]:
    """The buffers that a call writes to or replaces, also in parts of the model, where torch.export does not see it."""
    with kept_attributes(module):
        before = {name: (id(value), value._version) for name, value in module.named_buffers()}
        answer(module, example)
        after = {name: (id(value), value._version) for name, value in module.named_buffers()}
    return {name for name, kept in before.items() if after.get(name) != kept}


def python_state_note(name: str, module: torch.nn.Module, example: Arguments) -> str:
    """A note on numbers that each call changes; empty when there are none. Raises PYTHON_STATE when the results depend
    on what calls change."""
    try:
        with kept_attributes(module) as saved, torch.no_grad():
            tensors = _tensors(module)
            results = []
            for _ in range(3):
                _restore(module, tensors)
                positional, keyword = copied(example)
                results.append([value.clone() for value in flatten_outputs(module(*positional, **keyword))])
            changed = _changed(saved)
    except Exception:  # the export reports what eager refuses
        return ""
    if not changed:
        return ""
    shown = ", ".join(f"'{key}'" for key in list(changed)[:4])
    if not all(equal_results(result, results[0]) for result in results):
        raise python_state_error(name, shown)
    numbers = [f"'{key}'" for key, value in changed.items() if isinstance(value, _NUMBERS)]
    if not numbers:
        return ""  # such as what a first call computes once
    return (
        f"Each call of '{name}' changes the Python attribute {', '.join(numbers)}; the program keeps its first value."
    )


def python_state_error(name: str, shown: str) -> ImporterError:
    cause = (
        f"'{name}' changes the Python attribute {shown} with each call, and its results depend on it. A program would "
        "keep the value that it had at the export."
    )
    remedy = "Keep it in a buffer (register_buffer) that forward changes in place, or give it as an input."
    return ImporterError("PYTHON_STATE", cause, remedy, "export")


def _plain_state(module: torch.nn.Module) -> State:
    found = []
    for name, item in module.named_modules():
        attributes = vars(item)
        kept = {key: _copy(value) for key, value in attributes.items() if key not in _OF_TORCH and _is_kept(value)}
        found.append((item, kept, f"{name}." if name else ""))
    return found


def _tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copies of the buffers, and of parameters where they are few: forward may write to them as well (fast weights)."""
    found = dict(module.named_buffers())
    parameters = dict(module.named_parameters())
    if sum(value.numel() * value.element_size() for value in parameters.values()) <= _MOST_COPIED:
        found |= parameters
    return {name: value.detach().clone() for name, value in found.items()}


def _buffers(module: torch.nn.Module) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The buffers of each module, and a copy of the dictionary that has them."""
    owners = [item for item in module.modules() if not isinstance(item, torch.jit.ScriptModule)]
    return [(item._buffers, dict(item._buffers)) for item in owners]


def _restore(module: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, value in [*module.named_buffers(), *module.named_parameters()]:
            if name in tensors and tensors[name].shape == value.shape:
                value.copy_(tensors[name])


def _is_kept(value: Any) -> bool:
    return isinstance(value, (*_PLAIN, list, dict, tuple, torch.Tensor))


def _copy(value: Any) -> Any:
    return list(value) if type(value) is list else dict(value) if type(value) is dict else value


def _changed(saved: State) -> dict[str, Any]:
    """The attributes that are not as they were, with what they were."""
    return {
        f"{prefix}{key}": value
        for owner, old, prefix in saved
        for key, value in old.items()
        if key in vars(owner) and not _is_same(vars(owner)[key], value)
    }


def _is_same(now: Any, before: Any) -> bool:
    if isinstance(before, _PLAIN):
        return type(now) is type(before) and (now == before or now != now)
    if isinstance(before, (list, dict)):
        return type(now) is type(before) and len(now) == len(before)
    return now is before


def equal_results(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    return len(left) == len(right) and all(_is_equal(*pair) for pair in zip(left, right, strict=True))


def _is_equal(left: torch.Tensor, right: torch.Tensor) -> bool:
    if left.shape == right.shape and left.is_floating_point():
        return torch.allclose(left, right, equal_nan=True)
    return left.equal(right)
