"""Reads a pickle without running it: an interpreter executes the opcodes of pickletools with inert values only.

Nothing is imported and nothing is called: a global becomes a `Global`, a call becomes a `Call`.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_STEPS = 4_000_000  # some seconds and 400 MB
MOST_PICKLE_BYTES = 64 << 20  # weights are outside of the pickle
_LONGEST_NAME = 1000

# The names that rebuild tensors; none of them runs code that a file chooses.
_TENSORS = (
    "_rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_tensor _rebuild_parameter _rebuild_sparse_tensor _rebuild_qtensor"
)
_STORAGES = "Float Double Half BFloat16 Char Short Int Long Byte Bool ComplexFloat ComplexDouble Untyped Typed"
_TORCH = (
    "Size device dtype float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 bool strided per_tensor_affine "
    "complex64 complex128 uint16 uint32 uint64"
)
TENSOR_GLOBALS = frozenset(
    [f"torch._utils.{name}" for name in _TENSORS.split()]
    + [f"torch.{name}Storage" for name in _STORAGES.split()]
    + [f"torch.storage.{name}Storage" for name in _STORAGES.split()]
    + [f"torch.{name}" for name in _TORCH.split()]
    + ["collections.OrderedDict", "torch.nn.parameter.Parameter", "torch.serialization._get_layout", "torch.Tensor"]
)


class Unreadable(Exception):
    """The bytes are not a complete pickle."""


@dataclass(frozen=True)
class Global:
    """A class or function that the pickle names."""

    name: str


@dataclass
class Call:
    """A call that loading would make. arguments: inert values; state: what would be given to the result; items: what
    it would hold as a dictionary."""

    function: Any
    arguments: Any
    state: Any = None
    items: dict[Any, Any] | None = None


@dataclass(frozen=True)
class Persistent:
    """A storage outside of the pickle."""

    identifier: Any


@dataclass
class Scan:
    """globals: everything the pickle names, in order; value: the inert result; end: the position behind the pickle.

    steps: how many it has.
    """

    globals: list[str] = field(default_factory=list)
    value: Any = None
    end: int = 0
    steps: int = 0

    @property
    def beyond_tensors(self) -> list[str]:
        """The names that are not needed to rebuild tensors."""
        return [name for name in self.globals if name not in TENSOR_GLOBALS]


def most_steps(file_size: int) -> int:
    """How many steps all pickles of a file may have: an honest one is not packed so well that it has more."""
    return min(MOST_STEPS, 200_000 + file_size)


def scan(data: bytes, start: int = 0, most_steps: int = MOST_STEPS) -> Scan:
    """Read one pickle. Raises Unreadable; never runs anything."""
    stream = io.BytesIO(data)
    stream.seek(start)
    machine = _Machine()
    steps, frame_end = 0, 0
    try:
        for steps, (opcode, argument, position) in enumerate(pickletools.genops(stream)):
            if steps > most_steps:
                raise Unreadable("the pickle has too many steps")
            frame_end = _end_of_frame(opcode.name, argument, position or 0, stream.tell(), frame_end)
            machine.step(opcode.name, argument)
    except Unreadable:
        raise
    except Exception as error:  # pickletools raises many kinds for broken bytes
        raise Unreadable(f"the pickle is broken: {error}") from error
    if frame_end > stream.tell():
        raise Unreadable("the pickle ends inside of a frame")
    return Scan(list(machine.globals), machine.result, stream.tell(), steps)


def _end_of_frame(name: str, argument: Any, begin: int, end: int, frame_end: int) -> int:
    """The end of the frame behind a step. Python's own reader skips the rest of a frame in which a step is not whole,
    and so would run others than these."""
    if frame_end > begin and (name == "FRAME" or end > frame_end):
        raise Unreadable("a frame of the pickle does not end with a step")
    return end + int(argument) if name == "FRAME" else frame_end


def walk(value: Any) -> Iterator[Any]:
    """Every inert value inside of one, each once."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, (list, tuple)):
            waiting += item
        elif isinstance(item, Call):
            waiting += [item.arguments, item.state, item.items]


_MARK = object()
_STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_LITERALS = _STRINGS | {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


class _Machine:
    def __init__(self) -> None:
        self.globals: dict[str, None] = {}  # a set that keeps the order
        self.result: Any = None
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _LITERALS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        else:
            action = getattr(self, f"_do_{name.lower()}", None)
            if action is None:
                raise Unreadable(f"the pickle has the unknown step {name}")
            action(argument)

    def _pop(self) -> Any:
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _name_global(self, module: Any, name: Any) -> None:
        text = "(a name made at run time)"
        if isinstance(module, str) and isinstance(name, str):
            if len(module) + len(name) > _LONGEST_NAME:
                raise Unreadable("the pickle has a name that is too long")
            text = f"{module}.{name}"
        self.globals[text] = None
        self._stack.append(Global(text))

    def _do_proto(self, _: Any) -> None: ...
    def _do_frame(self, _: Any) -> None: ...

    def _do_mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def _do_stop(self, _: Any) -> None:
        self.result = self._pop()

    def _do_pop(self, _: Any) -> None:
        self._pop()

    def _do_pop_mark(self, _: Any) -> None:
        self._pop_to_mark()

    def _do_dup(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def _do_global(self, argument: str) -> None:
        self._name_global(*argument.split(" ", 1))

    def _do_stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        self._name_global(module, name)

    def _do_ext1(self, _: Any) -> None:
        self._name_global("copyreg", "extension")

    _do_ext2 = _do_ext4 = _do_ext1

    def _do_inst(self, argument: str) -> None:
        arguments = tuple(self._pop_to_mark())
        self._name_global(*argument.split(" ", 1))
        self._stack.append(Call(self._pop(), arguments))

    def _do_obj(self, _: Any) -> None:
        function, *arguments = self._pop_to_mark()
        self._stack.append(Call(function, tuple(arguments)))

    def _do_reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        # Ordered dictionaries are filled by later steps, as plain ones are; those of Python 2 have their items at once.
        if function == Global("collections.OrderedDict") and arguments == ():
            self._stack.append({})
        elif function == Global("collections.OrderedDict") and _are_items(arguments):
            self._stack.append({})
            self._set([part for item in arguments[0] for part in item])
        else:
            self._stack.append(Call(function, arguments))

    _do_newobj = _do_reduce

    def _do_newobj_ex(self, _: Any) -> None:
        keywords, arguments, function = self._pop(), self._pop(), self._pop()
        self._stack.append(Call(function, (arguments, keywords)))

    def _do_build(self, _: Any) -> None:
        state = self._pop()
        if isinstance(self._stack[-1], Call):
            self._stack[-1].state = state

    def _do_persid(self, argument: Any) -> None:
        self._stack.append(Persistent(argument))

    def _do_binpersid(self, _: Any) -> None:
        self._stack.append(Persistent(self._pop()))

    def _do_empty_dict(self, _: Any) -> None:
        self._stack.append({})

    def _do_empty_list(self, _: Any) -> None:
        self._stack.append([])

    _do_empty_set = _do_empty_list

    def _do_empty_tuple(self, _: Any) -> None:
        self._stack.append(())

    def _do_dict(self, _: Any) -> None:
        items = self._pop_to_mark()
        self._stack.append({})
        self._set(items)

    def _do_list(self, _: Any) -> None:
        self._stack.append(self._pop_to_mark())

    _do_frozenset = _do_list

    def _do_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def _do_tuple1(self, _: Any) -> None:
        self._stack[-1:] = [tuple(self._stack[-1:])]

    def _do_tuple2(self, _: Any) -> None:
        self._stack[-2:] = [tuple(self._stack[-2:])]

    def _do_tuple3(self, _: Any) -> None:
        self._stack[-3:] = [tuple(self._stack[-3:])]

    def _do_append(self, _: Any) -> None:
        self._extend([self._pop()])

    def _do_appends(self, _: Any) -> None:
        self._extend(self._pop_to_mark())

    _do_additems = _do_appends

    def _do_setitem(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def _do_setitems(self, _: Any) -> None:
        self._set(self._pop_to_mark())

    def _do_put(self, argument: Any) -> None:
        self._memo[int(argument)] = self._stack[-1]

    _do_binput = _do_long_binput = _do_put

    def _do_memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _do_get(self, argument: Any) -> None:
        self._stack.append(self._memo[int(argument)])

    _do_binget = _do_long_binget = _do_get

    def _do_next_buffer(self, _: Any) -> None:
        self._stack.append(Persistent("buffer"))

    def _do_readonly_buffer(self, _: Any) -> None: ...

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(items)
        elif isinstance(self._stack[-1], Call):
            self._stack[-1].state = items

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        # Keys that are neither text nor a number are of no interest and may not be hashable.
        pairs = zip(items[::2], items[1::2], strict=True)
        kept = {key: value for key, value in pairs if isinstance(key, (str, int, float, bytes))}
        if isinstance(target, dict):
            target.update(kept)
        elif isinstance(target, Call):
            target.items = {} if target.items is None else target.items
            target.items.update(kept)


def _are_items(arguments: Any) -> bool:
    if not isinstance(arguments, tuple) or len(arguments) != 1 or not isinstance(arguments[0], list):
        return False
    return all(isinstance(item, (list, tuple)) and len(item) == 2 for item in arguments[0])
