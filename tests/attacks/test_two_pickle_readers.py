"""Random pickles: what Python's own reader is asked to import, our scan has named, or it has refused the pickle."""

from __future__ import annotations

import contextlib
import io
import pickle
import random
from collections.abc import Callable
from typing import Any

from importer.sources.pickle_reader import TENSOR_GLOBALS, Unreadable, scan

PICKLES = 60_000
MODULES = (b"os", b"torch._utils", b"collections", b"torch", b"os system")
NAMES = (b"system", b"_rebuild_tensor_v2", b"OrderedDict", b"FloatStorage", b"_utils._rebuild_parameter")


class Inert:
    """What every name stands for here: nothing is run."""

    def __init__(self, *_: Any, **__: Any) -> None: ...
    def __call__(self, *_: Any, **__: Any) -> Inert:
        return self

    def __setstate__(self, _: Any) -> None: ...


class Listener(pickle.Unpickler):
    """Python's own reader, which keeps what it is asked for."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.asked: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        self.asked.append(f"{module}.{name}")
        return Inert

    def persistent_load(self, _: Any) -> Any:
        return Inert()


def text(chance: random.Random, word: bytes) -> bytes:
    size = len(word)
    forms = (
        b"\x8c%c" % size + word,
        b"X" + size.to_bytes(4, "little") + word,
        b"V" + word + b"\n",
        b"U%c" % size + word,
    )
    return chance.choice(forms)


def step(chance: random.Random) -> bytes:
    module, name = chance.choice(MODULES), chance.choice(NAMES)
    steps: tuple[Callable[[], bytes], ...] = (
        lambda: b"c" + module + b"\n" + name + b"\n",
        lambda: b"(i" + module + b"\n" + name + b"\n",
        lambda: text(chance, module) + text(chance, name) + b"\x93",
        lambda: text(chance, name),
        lambda: b"\x95" + chance.randrange(50).to_bytes(8, "little"),
        lambda: chance.choice((b"q", b"h")) + bytes([chance.randrange(4)]),
        lambda: chance.choice((b"p", b"g")) + chance.choice((b"0", b"1", b" 1", b"01", b"-1")) + b"\n",
        lambda: chance.choice([bytes([code]) for code in b")R\x81}](t\x85\x94012basueoQ\x8f"]),
        lambda: chance.choice((b")", b"N", b"K\1", b"0", b"\x85")),
    )
    return chance.choice(steps)()


def test_no_name_is_asked_for_that_the_scan_has_not_seen() -> None:
    chance = random.Random(7)
    read_by_both = 0
    for _ in range(PICKLES):
        head = chance.choice((b"", b"\x80\x02", b"\x80\x04", b"\x80\x05"))
        data = head + b"".join(step(chance) for _ in range(chance.randrange(2, 9))) + b"."
        try:
            named = scan(data)
        except Unreadable:
            continue
        listener = Listener(data)
        with contextlib.suppress(Exception):
            listener.load()
            read_by_both += 1
        beyond = [name for name in listener.asked if name not in TENSOR_GLOBALS]
        assert not beyond or named.beyond_tensors, (data, beyond, named.globals)
    assert read_by_both > PICKLES // 100
