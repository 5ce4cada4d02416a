"""The methods of a TorchScript module, each with its tensors as plain inputs. Imports torch.

What a method takes is in its schema. Tensors inside of dictionaries, tuples and lists become inputs of a method of our
own, which is compiled as TorchScript too and calls the script's with the structure that it wants.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from importer.errors import ImporterError
from importer.inputs import examples
from importer.inputs.made_up import example_shape, make_tensor
from importer.model import SourceMethod, left_out_note
from importer.signature import TensorSpec

_RESERVED = frozenset([*keyword.kwlist, "self", "Tensor", "inf", "nan", "ivalue", "future"])


def script_methods(script: torch.jit.ScriptModule, declared: list[TensorSpec]) -> tuple[list[SourceMethod], list[str]]:
    """`forward` and the exported methods beside it whose inputs are declared; notes say which are left out and why.

    Raises INPUTS_NEEDED and INPUTS_MISMATCH of forward.
    """
    if not declared and (needed := _described(script)):
        raise examples.needed(script, needed)
    others = [name for name in _method_names(script) if name != "forward"]
    of_others = {slot for name in others for slot in _slot_names(_arguments(script, name))}
    own = set(_slot_names(_arguments(script, "forward")))
    of_forward = [spec for spec in declared if spec.name in own or spec.name not in of_others]
    methods, notes = [_method(script, "forward", of_forward)], []
    # What forward takes by position may be named in the others.
    positions = zip(_arguments(script, "forward"), methods[0].declared, strict=False)
    by_position = {argument.name: spec for argument, spec in positions if not spec.name}
    known = by_position | {spec.name: spec for spec in declared if spec.name}
    keys = [spec for name, spec in known.items() if name not in own | of_others]
    for name in others:
        try:
            methods.append(replace(_other(script, name, known, keys), is_optional=True))
        except ImporterError as error:
            notes.append(left_out_note(name, error.cause))
    return methods, notes


def refuse_other_values(script: torch.jit.ScriptModule) -> None:
    """Raises NO_MODEL_INSIDE without a forward, and INPUT_NOT_A_TENSOR when it takes something other than tensors and
    dictionaries, tuples and lists of them: a program could not be given it."""
    names = _method_names(script)
    if "forward" not in names:
        cause = f"The TorchScript module has no method 'forward'; it has {', '.join(names) or 'none'}."
        remedy = "Script a module whose forward is the method that you need."
        raise ImporterError("NO_MODEL_INSIDE", cause, remedy, "load")
    for argument in _arguments(script, "forward"):
        if not argument.has_default_value() and not _is_of_tensors(argument.type):
            raise _not_a_tensor("forward", argument)


def _method_names(script: torch.jit.ScriptModule) -> list[str]:
    """The methods that a person would call."""
    return sorted(name for name in script._c._method_names() if not name.startswith("_"))


def _described(script: torch.jit.ScriptModule) -> list[str]:
    """The names of forward's tensors as `inputs` has them; a dictionary's are the keys that its code uses."""
    names = []
    for argument in _arguments(script, "forward"):
        keys = _keys_used(script, argument.name) if argument.type.kind() == "DictType" else []
        if keys or not argument.has_default_value():
            names += keys or list(_slots(argument.type, argument.name)) or [argument.name]
    return names


def _other(
    script: torch.jit.ScriptModule, name: str, known: dict[str, TensorSpec], keys: list[TensorSpec]
) -> SourceMethod:
    """keys: what may be the items of a dictionary."""
    if str(script._c._get_method(name).schema.returns[0].type) == "NoneType":
        cause = (
            "It returns nothing: in a program it would change buffers of its own, not those of 'forward'. A session's "
            "reset_state() gives the buffers the values of the file again."
        )
        raise ImporterError("SHARED_STATE", cause, "", "load")
    arguments = _arguments(script, name)
    slots = [slot for argument in arguments for slot in _slots(argument.type, argument.name)]
    needed = [
        slot
        for argument in arguments
        if not argument.has_default_value() and argument.type.kind() != "OptionalType"
        for slot in _slots(argument.type, argument.name)
    ]
    missing = [slot for slot in needed if slot not in known]
    if missing:
        cause = f"Its inputs are not declared; the option 'inputs' may declare {', '.join(missing)} too."
        raise ImporterError("INPUTS_NEEDED", cause, "", "load")
    has_dictionary = any(_contains(argument.type, "DictType") for argument in arguments)
    taken = [replace(spec, name=slot) for slot, spec in known.items() if slot in slots]
    return _method(script, name, taken + (keys if has_dictionary else []))


def _method(script: torch.jit.ScriptModule, name: str, declared: list[TensorSpec]) -> SourceMethod:
    arguments = _arguments(script, name)
    for argument in arguments:
        if not argument.has_default_value() and not _is_of_tensors(argument.type):
            raise _not_a_tensor(name, argument)
    if name == "forward" and _takes_as_they_are(arguments, declared):
        ordered = examples.order_by_names(declared, [argument.name for argument in arguments])
        return SourceMethod(name, script, None, (_tensors(ordered), {}), ordered, None, True)
    given = _Given(name, arguments, declared)
    words = []
    for argument in arguments:
        if given.has(argument.type, argument.name) or not argument.has_default_value():
            words.append(f"{argument.name}={given.expression(argument.type, argument.name)}")
    given.refuse_unused()
    parameters = {slot: f"{slot}_" if slot in _RESERVED else slot for slot in given.used}
    wrapper = _calling(script, name, list(parameters.values()), ", ".join(words))
    specs = [replace(given.specs[slot], name=parameters[slot]) for slot in given.used]
    shown = [given.specs[slot].name or slot for slot in given.used]
    return SourceMethod(name, wrapper, None, (_tensors(specs), {}), specs, None, True, input_names=shown)


def _tensors(specs: list[TensorSpec]) -> tuple[torch.Tensor, ...]:
    return tuple(make_tensor(spec, example_shape(spec)) for spec in specs)


def _takes_as_they_are(arguments: list[Any], declared: list[TensorSpec]) -> bool:
    """Whether the declared tensors are the first arguments, and the others have values of their own."""
    first, rest = arguments[: len(declared)], arguments[len(declared) :]
    names = {argument.name for argument in rest}
    return (
        all(argument.type.kind() == "TensorType" for argument in first)
        and all(argument.has_default_value() for argument in rest)
        and not any(spec.name in names for spec in declared)
    )


def _calling(script: torch.jit.ScriptModule, name: str, parameters: list[str], words: str) -> torch.jit.ScriptModule:
    """A script whose forward calls a method of another one."""
    # A class of its own: TorchScript keeps the methods of a class for all of its modules.
    holder: Any = type("Calling", (nn.Module,), {})()
    holder.inner = script
    wrapper = torch.jit.script(holder.eval())
    listed = "".join(f", {parameter}: Tensor" for parameter in parameters)
    wrapper.define(f"def forward(self{listed}):\n    return self.inner.{name}({words})\n")
    return wrapper  # type: ignore[no-any-return]


class _Given:
    """The declared tensors of a method by the names of its slots, and which of them were used, in that order."""

    def __init__(self, method: str, arguments: list[Any], declared: list[TensorSpec]) -> None:
        self.used: list[str] = []
        self.method = method
        self._keys: list[str] = []
        self._arguments = arguments
        fixed = _slot_names(arguments)
        kinds = {argument.name: argument.type for argument in arguments}
        dictionaries = [name for name, kind in kinds.items() if _contains(kind, "DictType")]
        lists = [name for name, kind in kinds.items() if _contains(kind, "ListType")]
        is_named = all(spec.name for spec in declared)
        if not is_named or all(spec.name == f"input_{index}" for index, spec in enumerate(declared)):
            fixed += [f"{lists[0]}_{index}" for index in range(len(declared) - len(fixed))] if lists else []
            if dictionaries or len(declared) > len(fixed):
                raise self._mismatch(declared)
            self.specs = dict(zip(fixed, declared, strict=False))
            return
        self.specs = {spec.name: spec for spec in declared}
        unknown = [
            name
            for name in self.specs
            if name not in fixed and not any(re.fullmatch(rf"{re.escape(base)}(_\d+)+", name) for base in lists)
        ]
        empty = [name for name in fixed if name not in self.specs]
        if dictionaries:
            self._keys = unknown
        elif unknown and len(unknown) == len(empty):  # such as `h` and `c` for `state: Tuple[Tensor, Tensor]`
            self.specs |= {slot: self.specs.pop(name) for slot, name in zip(empty, unknown, strict=True)}
        elif unknown:
            raise self._mismatch(declared)

    def has(self, kind: Any, base: str) -> bool:
        """Whether a tensor of an argument is declared."""
        if _contains(kind, "DictType") and self._keys:
            return True
        return any(name == base or re.fullmatch(rf"{re.escape(base)}(_\d+)+", name) for name in self.specs)

    def expression(self, kind: Any, base: str) -> str:
        """TorchScript's text of a value of this kind, made of the declared tensors. Raises INPUTS_MISMATCH."""
        word = kind.kind()
        if word == "OptionalType":
            inner = kind.getElementType()
            return self.expression(inner, base) if self.has(inner, base) else "None"
        if word == "TupleType":
            parts = [self.expression(item, f"{base}_{index}") for index, item in enumerate(kind.elements())]
            return f"({', '.join(parts)},)"
        if word == "ListType":
            count = 0
            while self.has(kind.getElementType(), f"{base}_{count}"):
                count += 1
            parts = [self.expression(kind.getElementType(), f"{base}_{index}") for index in range(count)]
            return f"[{', '.join(parts)}]"
        if word == "DictType":
            keys, self._keys = self._keys, []
            return "{" + ", ".join(f"{json.dumps(key)}: {self._tensor(key)}" for key in keys) + "}"
        return self._tensor(base)

    def refuse_unused(self) -> None:
        """Raises INPUTS_MISMATCH for declared tensors that the method has no place for."""
        if len(self.used) < len(self.specs):
            raise self._mismatch(list(self.specs.values()))

    def _tensor(self, name: str) -> str:
        if name not in self.specs:
            raise self._mismatch(list(self.specs.values()))
        self.used.append(name)
        return f"{name}_" if name in _RESERVED else name

    def _mismatch(self, declared: list[TensorSpec]) -> ImporterError:
        taken = ", ".join(f"{argument.name}: {argument.type}" for argument in self._arguments)
        listed = ", ".join(spec.name or str(spec) for spec in declared) or "nothing"
        cause = f"The option 'inputs' declares {listed}, but '{self.method}' of the script takes {taken}."
        remedy = (
            "Declare each tensor: a dictionary's by its keys, those of a tuple or list by the argument's name and a "
            "number, such as state_0 and state_1."
        )
        return ImporterError("INPUTS_MISMATCH", cause, remedy, "load")


def _arguments(script: torch.jit.ScriptModule, name: str) -> list[Any]:
    return list(script._c._get_method(name).schema.arguments[1:])


def _slot_names(arguments: list[Any]) -> list[str]:
    """The names of a method's tensors, but for those of lists and dictionaries, of which the schema tells no number."""
    return [slot for argument in arguments for slot in _slots(argument.type, argument.name)]


def _slots(kind: Any, base: str) -> Iterator[str]:
    word = kind.kind()
    if word == "TensorType":
        yield base
    elif word == "OptionalType":
        yield from _slots(kind.getElementType(), base)
    elif word == "TupleType":
        for index, item in enumerate(kind.elements()):
            yield from _slots(item, f"{base}_{index}")


def _contains(kind: Any, word: str) -> bool:
    if kind.kind() == word:
        return True
    inner = kind.elements() if kind.kind() == "TupleType" else []
    if kind.kind() in ("OptionalType", "ListType"):
        inner = [kind.getElementType()]
    return any(_contains(item, word) for item in inner)


def _is_of_tensors(kind: Any) -> bool:
    word = kind.kind()
    if word == "DictType":
        return str(kind.getKeyType()) == "str" and bool(kind.getValueType().kind() == "TensorType")
    if word == "TupleType":  # a named one can only be made by its own class
        return not _is_named(kind) and all(map(_is_of_tensors, kind.elements()))
    if word in ("OptionalType", "ListType"):
        return _is_of_tensors(kind.getElementType())
    return bool(word == "TensorType")


def _is_named(kind: Any) -> bool:
    return bool(kind.kind() == "TupleType") and not str(kind.annotation_str).lower().startswith("tuple[")


def _not_a_tensor(method: str, argument: Any) -> ImporterError:
    where = "" if method == "forward" else f" of '{method}'"
    what = f"the NamedTuple {argument.type.annotation_str}" if _is_named(argument.type) else str(argument.type)
    cause = f"The TorchScript module's input '{argument.name}'{where} is {what}, which a program cannot be given."
    remedy = "Script a module whose forward takes tensors, or dictionaries, tuples and lists of them."
    return ImporterError("INPUT_NOT_A_TENSOR", cause, remedy, "load")


def _keys_used(script: torch.jit.ScriptModule, name: str) -> list[str]:
    """The texts that forward's code asks an argument for."""
    graph: Any = script.inlined_graph
    found = []
    for node in graph.findAllNodes("aten::__getitem__"):
        inputs = list(node.inputs())
        if inputs[0].debugName().split(".")[0] == name and inputs[1].node().kind() == "prim::Constant":
            key = inputs[1].toIValue()
            found += [key] if isinstance(key, str) and key not in found else []
    return found
