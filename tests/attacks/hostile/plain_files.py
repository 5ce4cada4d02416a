"""Pickles, checkpoints and safetensors that would run code, and files that would take minutes or gigabytes."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import Hostile, Runs, hidden_behind_frame, pickled
from tests.attacks.hostile.programs import saved

_CODES = (
    "PICKLE_NEEDS_PERMISSION FILE_DAMAGED NOT_A_MODEL NO_MODEL_INSIDE STATE_DICT_NEEDS_FACTORY ARCHIVE_INVALID "
    "ARCHIVE_UNKNOWN ARCHIVE_RUNS_CODE TORCH_PACKAGE AOTINDUCTOR_PACKAGE"
)
_REFUSED = frozenset(_CODES.split())
MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
LEGACY_HEAD = MAGIC + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)


def _zip(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _in_checkpoint(canary: Path) -> bytes:
    import torch

    return saved({"state_dict": {"weight": torch.zeros(1, 1), "bias": torch.zeros(1)}, "extra": Runs(canary)})


def _in_state(canary: Path) -> bytes:
    import torch

    return saved({"weight": torch.zeros(1, 1), "bias": torch.zeros(1), "other": Runs(canary)})


def _memo_names(canary: Path) -> bytes:
    """The names of the function come out of the memo."""
    path = str(canary).encode()
    data = b"\x80\x04\x8c\x02os\x940\x8c\x05mkdir\x940h\x00h\x01\x93\x8c" + bytes([len(path)]) + path + b"\x85R."
    return _zip({"m/data.pkl": data})


PICKLES: dict[str, Callable[[Path], bytes]] = {
    **{f"protocol_{number}": lambda canary, number=number: _zip({"m/data.pkl": pickled(canary, number)})
       for number in range(6)},
    "hidden_behind_frame": lambda canary: _zip({"m/data.pkl": hidden_behind_frame(canary)}),
    "compressed": lambda canary: _zip({"m/data.pkl": pickled(canary)}, zipfile.ZIP_DEFLATED),
    "legacy": lambda canary: LEGACY_HEAD + pickled(canary) + pickle.dumps([], 2),
    "legacy_in_head": lambda canary: MAGIC + pickled(canary) + pickle.dumps({}, 2) * 2 + pickle.dumps([], 2),
    "legacy_keys": lambda canary: LEGACY_HEAD + pickle.dumps({"a": 1}, 2) + pickled(canary),
    "bare": pickled,
    "checkpoint": _in_checkpoint,
    "state": _in_state,
    "memo_names": _memo_names,
    "with_constants": lambda canary: _zip({"m/data.pkl": pickled(canary), "m/constants.pkl": b"\x80\x02)."}),
    "package": lambda canary: _zip({"m/.data/extern_modules": b"", "m/model.py": f"import os\nos.mkdir({str(canary)!r})"
                                    .encode(), "m/data.pkl": pickled(canary)}),
    "native_code": lambda canary: _zip({"m/data/aotinductor/model/x.so": b"\x7fELF"}),
}  # fmt: skip


def _safetensors(header: Any, data: bytes = b"\0" * 4) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _tensor(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}


SAFETENSORS: dict[str, bytes] = {
    "dtype": _safetensors({"a": _tensor(dtype="F99")}),
    "overlap": _safetensors({"a": _tensor(), "b": _tensor()}),
    "gap": _safetensors({"a": _tensor(data_offsets=[4, 8])}, b"\0" * 8),
    "outside": _safetensors({"a": _tensor(data_offsets=[0, 400], shape=[100])}),
    "backwards": _safetensors({"a": _tensor(data_offsets=[4, 0])}),
    "wrong_shape": _safetensors({"a": _tensor(shape=[9])}),
    "large_shape": _safetensors({"a": _tensor(shape=[1 << 62, 1 << 62])}),
    "negative_shape": _safetensors({"a": _tensor(shape=[-1, -1])}),
    "text_shape": _safetensors({"a": _tensor(shape="x")}),
    "no_shape": _safetensors({"a": {"dtype": "F32"}}),
    "name_twice": _safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{}}'),
    "deep": _safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "long_number": _safetensors(b'{"a":{"dtype":"F32","shape":[' + b"9" * 100_000 + b'],"data_offsets":[0,4]}}'),
    "list": _safetensors(b"{}", b"\0" * 4),
    "rest": _safetensors({"a": _tensor()}, b"\0" * 99),
}


def _steps(body: bytes) -> bytes:
    return _zip({"m/data.pkl": b"\x80\x02" + body}, zipfile.ZIP_DEFLATED)


def _shared_dictionary() -> bytes:
    """The same dictionary of 20,000 entries under 20,000 keys."""
    inner = b"}q\0(" + b"".join(b"U\5%05dN" % number for number in range(20_000)) + b"u0"
    return inner + b"}(" + b"".join(b"U\5%05dh\0" % number for number in range(20_000)) + b"u."


def _nested_parameters() -> bytes:
    """A chain of 50,000 parameters in parameters, each of them an entry of the state dict."""
    head = b"ctorch._utils\n_rebuild_parameter\nq\0Nq\1}q\2("
    body = b"".join(b"U\6%06dh\0h\1\x85Rq\1" % number for number in range(50_000))
    return head + body + b"u."


BOMBS: dict[str, Callable[[], bytes]] = {
    "steps": lambda: _steps(b"N0" * 30_000_000 + b"N."),
    "dictionaries": lambda: _steps(b"(" + b"}" * 20_000_000 + b"l."),
    "shared_dictionary": lambda: _steps(_shared_dictionary()),
    "nested_parameters": lambda: _steps(_nested_parameters()),
    "long_names": lambda: _steps(b"(" + b"c" + b"a" * 1_000_000 + b"\nb\nq\0" + b"h\0" * 200_000 + b"l."),
    "ratio": lambda: _zip({"m/data.pkl": b"\x80\x02}.", "m/data/0": b"\0" * (200 << 20)}, zipfile.ZIP_DEFLATED),
    "many_members": lambda: _zip({f"m/data/{number}": b"" for number in range(60_000)} | {"m/data.pkl": b"\x80\x02."}),
    "long_number": lambda: _steps(b"I" + b"9" * 20_000_000 + b"\n."),
    "large_header": lambda: _safetensors(b'{"a":[' + b"[]," * 15_000_000 + b"[]]}"),
}


def files(models: Path) -> Iterator[Hostile]:
    def write(data: Callable[[Path], bytes], path: Path, canary: Path) -> None:
        path.write_bytes(data(canary))

    for name, data in PICKLES.items():
        yield Hostile(f"pickle_{name}", ".pt", partial(write, data), {}, _REFUSED)
    for name, text in SAFETENSORS.items():
        yield Hostile(f"safetensors_{name}", ".safetensors", partial(write, lambda _, text=text: text), {}, _REFUSED)
