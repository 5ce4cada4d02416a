"""Pickles that hide what they call, and headers that say more than there is: opcodes, nested files, deep nesting."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import Hostile, pickled
from tests.attacks.hostile.plain_files import LEGACY_HEAD, _safetensors, _tensor, _zip


def _text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<L", len(data)) + data


def _state(call: bytes) -> bytes:
    """A state dict of one value, which `call` leaves on the stack."""
    return b"\x80\x04}" + _text("weight") + call + b"s."


def _reduce(module: str, name: str, *arguments: bytes) -> bytes:
    return f"c{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def _stack_global(module: str, name: str, *arguments: bytes) -> bytes:
    return _text(module) + _text(name) + b"\x93(" + b"".join(arguments) + b"tR"


def _path(canary: Path) -> bytes:
    return _text(str(canary))


def _bytes(data: bytes) -> bytes:
    return b"B" + struct.pack("<L", len(data)) + data


# A pickle for the member data.pkl of each archive; every one would make the canary when Python's unpickler ran it.
CALLS: dict[str, Callable[[Path], bytes]] = {
    "nested_torch_load": lambda c: _reduce(
        "torch.storage", "_load_from_bytes", _bytes(_zip({"m/data.pkl": pickled(c)}))
    ),
    "nested_legacy_load": lambda c: _reduce(
        "torch.storage", "_load_from_bytes", _bytes(LEGACY_HEAD + pickled(c) + pickle.dumps([], 2))
    ),
    "nested_pickle": lambda c: _reduce("pickle", "loads", _bytes(pickled(c))),
    "nested_c_pickle": lambda c: _reduce("_pickle", "loads", _bytes(pickled(c))),
    "instance": lambda c: b"(" + _path(c) + b"ios\nmkdir\n",
    "object": lambda c: b"(cos\nmkdir\n" + _path(c) + b"o",
    "new_object": lambda c: b"cos\nmkdir\n(" + _path(c) + b"t\x81",
    "new_object_by_name": lambda c: b"cos\nmkdir\n(" + _path(c) + b"t}\x92",
    "dotted_name": lambda c: _stack_global("torch.serialization", "os.mkdir", _path(c)),
    "dotted_name_of_allowed": lambda c: _stack_global("torch._utils", "sys.modules.get", _text("os")),
    "dotted_class": lambda c: _stack_global("collections", "OrderedDict.__init__.__globals__", _path(c)),
    "name_in_memo": lambda c: _text("mkdir") + b"\x940" + _text("os") + b"h\0\x93(" + _path(c) + b"tR",
    "name_made_of_bytes": lambda c: _stack_global("builtins", "exec", _text(f"import os; os.mkdir({str(c)!r})")),
    "extension": lambda c: b"\x82\x01",
    "getattr": lambda c: _reduce("builtins", "getattr", b"cos\nsystem\n", _text("__call__")),
    "copyreg": lambda c: _reduce("copyreg", "_reconstructor", b"cos\nmkdir\n", _path(c), b"N"),
    "partial": lambda c: _reduce("functools", "partial", b"cos\nmkdir\n", _path(c)),
    "numpy_scalar": lambda c: _reduce(
        "numpy.core.multiarray", "scalar", _reduce("numpy", "dtype", _text("O")), _bytes(pickled(c))
    ),
    "numpy_array": lambda c: _reduce(
        "numpy.core.multiarray", "_reconstruct", b"cnumpy\nndarray\n", b"(K\0t", _bytes(b"b")
    ),
    "tensor_of_a_type": lambda c: _reduce(
        "torch._tensor", "_rebuild_from_type_v2", b"cos\nmkdir\n", b"ctorch\nTensor\n", b"(" + _path(c) + b"t", b"}"
    ),
    "wrapper_subclass": lambda c: _reduce("torch._utils", "_rebuild_wrapper_subclass", b"cos\nmkdir\n", _path(c)),
    "device_tensor": lambda c: _reduce("torch._utils", "_rebuild_device_tensor_from_numpy", _path(c)),
    "script_object": lambda c: _reduce("torch.jit._pickle", "build_tensor_from_id", _path(c)),
    "set_state": lambda c: b"ctorch\ndevice\n(" + _text("cpu") + b"tR}" + _text("__class__") + b"cos\nmkdir\nsb",
    "state_of_a_class": lambda c: b"ccollections\nOrderedDict\n}" + _text("__reduce__") + b"cos\nmkdir\nsb",
    "quantizer": lambda c: _reduce("torch.ao.quantization", "_get_path_of_module", _path(c)),
    "compiled_code": lambda c: _reduce("marshal", "loads", _bytes(b"\xe3" + b"\0" * 60)),
    "import_of_a_neighbour": lambda c: _reduce("neighbour", "run", _path(c)),
    "web": lambda c: _reduce("torch.hub", "load_state_dict_from_url", _text("http://127.0.0.1:9/x")),
    "library": lambda c: _reduce("ctypes", "CDLL", _path(c)),
}

# Pickles that call nothing: persistent identifiers of other kinds, sizes that lie, deep nesting.
FORMS: dict[str, bytes] = {
    "persistent_module": b"\x80\x02(X\6\0\0\0modulecos\nsystem\nX\4\0\0\0x.pyX\x09\0\0\0import ostQ.",
    "persistent_text": b"Pstorage\n.",
    "persistent_global": b"\x80\x02cos\nsystem\nQ.",
    "deep_lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "deep_tuples": b"\x80\x02N" + b"\x85" * 200_000 + b".",
    "deep_dictionaries": b"\x80\x02" + b"}U\1a" * 50_000 + b"N" + b"s" * 50_000 + b".",
    "itself": b"\x80\x02}q\0U\1ah\0s.",
    "long_frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"}.",
    "long_text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"a.",
    "long_bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"a.",
    "long_integer": b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b"\1.",
    "negative_integer": b"\x80\x02\x8b" + struct.pack("<i", -5) + b"\1.",
    "memo_far_away": b"\x80\x02}r" + struct.pack("<L", 0xFFFFFFFF) + b".",
    "buffers": b"\x80\x05\x97\x98.",
    "two_marks": b"\x80\x02((((((tttttt.",
    "no_end": b"\x80\x02}",
    "protocol_99": b"\x80\x63}.",
}

HEADERS: dict[str, Any] = {
    "length_of_64_bits": struct.pack("<Q", (1 << 64) - 1) + b'{"a":1}',
    "length_of_the_file": struct.pack("<Q", 1 << 33) + b'{"a":1}' + b" " * 100,
    "spaces": b" " * 100_000 + b"{}",
    "zeros_behind": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' + b"\0" * 64,
    "deep_metadata": b'{"__metadata__":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "metadata_list": {"__metadata__": [1, 2], "a": _tensor()},
    "metadata_numbers": {"__metadata__": {"a": 1}, "a": _tensor()},
    "metadata_long": {"__metadata__": {"a": "x" * 5_000_000}, "a": _tensor()},
    "lone_surrogate": rb'{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    "zero_in_name": {"a\0b": _tensor()},
    "control_letters": {"\x1b[2J\x1b]0;owned\x07": _tensor()},
    "name_above": {"../../../tmp/x": _tensor(), "a": _tensor(data_offsets=[4, 8])},
    "name_of_a_class": {"__class__.__init__.__globals__": _tensor()},
    "long_name": {"x" * 3_000_000: _tensor()},
    "many_dimensions": {"a": _tensor(shape=[1] * 100_000)},
    "truth_in_shape": {"a": _tensor(shape=[True])},
    "fraction_in_shape": {"a": _tensor(shape=[1.0])},
    "large_fraction": {"a": _tensor(shape=[1e300])},
    "text_in_offsets": {"a": _tensor(data_offsets="04")},
    "three_offsets": {"a": _tensor(data_offsets=[0, 4, 8])},
    "one_name_in_two_forms": {"\u00e9": _tensor(), "e\u0301": _tensor(data_offsets=[4, 8])},
    "byte_mark": b"\xef\xbb\xbf" + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    "not_utf8": b'{"\xff\xfe":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    "nan": b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,Infinity]}}',
}


def _deflated(stream: bytes, size: int, data: bytes) -> bytes:
    """An archive whose packed bytes are given."""
    name, crc = b"m/data.pkl", zlib.crc32(data)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(stream), size, len(name), 0) + name + stream
    central = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(stream), size, len(name), 0, 0, 0, 0, 0, 0
    )
    directory = central + name
    return local + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local), 0)


def _packed(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _large_entry(canary: Path) -> bytes:
    """ZIP64 sizes in the directory that no byte of the file is at."""
    evil, name = pickled(canary), b"m/data.pkl"
    extra = struct.pack("<2H3Q", 1, 24, 1 << 63, 1 << 63, 1 << 63)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, zlib.crc32(evil), 0xFFFFFFFF, 0xFFFFFFFF, len(name), 0)
    local += name + evil
    fields = (45, 45, 0, 0, 0, 0, zlib.crc32(evil), 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra), 0, 0, 0, 0)
    directory = struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields, 0xFFFFFFFF) + name + extra
    return local + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local), 0)


def _link_member(canary: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("m/data.pkl")
        link.external_attr = 0o120777 << 16  # a symbolic link, as `zip -y` writes it
        archive.writestr(link, str(canary))
    return stream.getvalue()


ARCHIVES: dict[str, Callable[[Path], bytes]] = {
    "rest_behind_stream": lambda c: _deflated(_packed(b"\x80\x02}.") + pickled(c), 4, b"\x80\x02}."),
    "two_streams": lambda c: _deflated(_packed(b"\x80\x02}.") + _packed(pickled(c)), 4, b"\x80\x02}."),
    "stream_cut": lambda c: _deflated(_packed(pickled(c))[:-4], len(pickled(c)), pickled(c)),
    "stream_longer": lambda c: _deflated(_packed(pickled(c) + b"\0" * 5000), len(pickled(c)), pickled(c)),
    "zip64_sizes": _large_entry,
    "link": _link_member,
    "long_names": lambda c: _zip(
        {f"m/{'x' * 60_000}{number}": b"" for number in range(9)} | {"m/data.pkl": pickled(c)}
    ),
    "other_letters": lambda c: _zip({"m/\uff44ata.pkl": b"\x80\x02}.", "m/data.pkl": pickled(c)}),
    "turned_text": lambda c: _zip({"m/\u202elkp.atad": b"\x80\x02}.", "m/data.pkl": pickled(c)}),
}


def files() -> Iterator[Hostile]:
    def write(data: Callable[[Path], bytes], path: Path, canary: Path) -> None:
        (path.parent / "neighbour.py").write_text(f"import os\nos.mkdir({str(canary)!r})\n", encoding="utf-8")
        path.write_bytes(data(canary))

    for name, call in CALLS.items():
        yield Hostile(
            f"call_{name}", ".pt", partial(write, lambda c, call=call: _zip({"m/data.pkl": _state(call(c))})), {}
        )
    for name, data in FORMS.items():
        yield Hostile(f"form_{name}", ".pt", partial(write, lambda _, data=data: _zip({"m/data.pkl": data})), {})
        legacy = partial(write, lambda _, data=data: LEGACY_HEAD + data + pickle.dumps([], 2))
        yield Hostile(f"form_legacy_{name}", ".pth", legacy, {})
    for name, header in HEADERS.items():
        whole = header if isinstance(header, bytes) and header[8:9] == b"{" else _safetensors(header, b"\0" * 8)
        if isinstance(header, dict) and json.dumps(header).count("data_offsets") == 1:
            whole = _safetensors(header)
        yield Hostile(f"header_{name}", ".safetensors", partial(write, lambda _, whole=whole: whole), {})
    for name, archive in ARCHIVES.items():
        yield Hostile(f"archive_{name}", ".pt", partial(write, archive), {})
