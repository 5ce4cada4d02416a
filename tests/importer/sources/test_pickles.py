"""Pickles are read without running them."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pickle
import pickletools
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.sources import pickle_reader
from importer.sources.pickle_reader import Call, Global, Unreadable, scan
from tests.attacks.hostile.canary import hidden_behind_frame


class Runs:
    """Unpickling an instance makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_code_is_named_and_does_not_run(protocol: int, tmp_path: Path) -> None:
    found = scan(pickle.dumps({"a": Runs(tmp_path / "evil")}, protocol))
    assert found.beyond_tensors == [f"{os.mkdir.__module__}.mkdir"]
    assert not (tmp_path / "evil").exists()
    assert isinstance(found.value["a"], Call)


def test_names_through_the_memo_and_made_at_run_time() -> None:
    # STACK_GLOBAL with strings from the memo, and with a value that no scanner can know.
    memo = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93."
    assert scan(memo).globals == ["os.system"]
    computed = b"\x80\x04)\x8c\x06system\x93."
    assert scan(computed).globals == ["(a name made at run time)"]


def test_steps_that_only_a_reader_of_frames_sees(tmp_path: Path) -> None:
    """Python's reader leaves out the rest of a frame when a text or a line goes on behind it."""
    data = hidden_behind_frame(tmp_path / "evil")
    pickle.Unpickler(io.BytesIO(data)).load()
    assert (tmp_path / "evil").is_dir()
    with pytest.raises(Unreadable, match="frame"):
        scan(data)


@pytest.mark.parametrize(
    "frames",
    [b"\x95\5\0\0\0\0\0\0\0N.", b"\x95\1\0\0\0\0\0\0\0\x8c\1A.", b"\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
     b"\x95\x0b\0\0\0\0\0\0\0\x95\1\0\0\0\0\0\0\0N."],
)  # fmt: skip
def test_frames_that_do_not_end_with_a_step(frames: bytes) -> None:
    with pytest.raises(Unreadable, match="frame"):
        scan(b"\x80\x04" + frames)


def test_frames_of_python_itself() -> None:
    value = [os.urandom(9) * 3000, ["x" * 200_000], list(range(90_000)), {"a": b"y" * 70_000}]
    for protocol in (4, 5):
        assert scan(pickle.dumps(value, protocol)).value == value


def test_every_opcode_is_known() -> None:
    machine = pickle_reader._Machine()
    for opcode in pickletools.opcodes:
        known = opcode.name in pickle_reader._LITERALS or opcode.name in pickle_reader._CONSTANTS
        assert known or hasattr(machine, f"_do_{opcode.name.lower()}"), opcode.name


@pytest.mark.parametrize("data", [b"", b"\x80\x04", b"\x80\x04.", b"garbage", b"\x80\x02(", b"cos\nsystem\n"])
def test_broken_pickles_are_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        scan(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(values, st.integers(0, 5))
def test_plain_values_come_out_as_they_are(value: object, protocol: int) -> None:
    found = scan(pickle.dumps(value, protocol))
    # Protocols below 3 have no bytes; they are written as a call of _codecs.encode.
    if protocol >= 3 or not found.globals:
        assert found.value == value
    assert set(found.globals) <= {"_codecs.encode", "__builtin__.bytes", "builtins.bytes", "__builtin__.bytearray"}


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        scan(b"\x80\x04" + data)


def test_the_same_value_many_times_stays_small() -> None:
    nested: list[Any] = []
    for _ in range(60):
        nested = [nested, nested]
    found = scan(pickle.dumps(nested))
    assert len(list(pickle_reader.walk(found.value))) <= 62


def test_ordered_dictionaries_keep_their_entries() -> None:
    found = scan(pickle.dumps(collections.OrderedDict(a=1, b=2)))
    assert found.value == {"a": 1, "b": 2} and found.beyond_tensors == []
    assert scan(pickle.dumps(collections.OrderedDict)).value == Global("collections.OrderedDict")


def test_many_names_take_no_more_time_for_each() -> None:
    names = b"".join(b"ca\nb%d\n0" % number for number in range(150_000))
    began = time.monotonic()
    assert len(scan(b"\x80\x02" + names + b"N.").globals) == 150_000
    assert time.monotonic() - began < 20
