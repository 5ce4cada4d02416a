"""Files beside a model: weights of a program, shards, indices, links, calibration folders, factories and odd names."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import Hostile, Runs, expression, pickled
from tests.attacks.hostile.plain_files import _safetensors, _tensor
from tests.attacks.hostile.scripts import archive

_SECONDS = {"deadline_seconds": 8}
_SECRET = "a private key of the person"


def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def _array(descr: str, shape: str = "(1, 3, 32, 32)", size: int = 3 * 32 * 32 * 4) -> bytes:
    return _npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}", b"\1" * size)


def _zipped(name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        file.writestr(name, data)
    return stream.getvalue()


def _encrypted() -> bytes:
    data = bytearray(_zipped("x.npy", b"\0" * 64, zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def _other_method() -> bytes:
    data = bytearray(_zipped("x.npy", b"\0" * 64, zipfile.ZIP_STORED))
    data[8] = data[data.index(b"PK\1\2") + 10] = 97
    return bytes(data)


def _chunk(kind: bytes, data: bytes) -> bytes:
    import zlib

    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def _png(*chunks: bytes, width: int = 32, height: int = 32, depth: int = 8, color: int = 2) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">2L5B", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + _chunk(b"IEND", b"")


def _text_bomb() -> bytes:
    import zlib

    return _png(
        _chunk(b"zTXt", b"x\0\0" + zlib.compress(b"\0" * 90_000_000)), _chunk(b"IDAT", zlib.compress(b"\0" * 4000))
    )


# Files of a calibration folder for a model with one input, float32[1,3,32,32].
CALIBRATION: dict[str, Callable[[Path], bytes]] = {
    "unicode.npy": lambda _: _array("'<U4'", size=3 * 32 * 32 * 16),
    "big_endian.npy": lambda _: _array("'>f4'"),
    "long_double.npy": lambda _: _array("'<f16'", size=3 * 32 * 32 * 16),
    "dates.npy": lambda _: _array("'<M8[s]'", size=3 * 32 * 32 * 8),
    "empty_items.npy": lambda _: _array("'|V0'", "(1152921504606846976,)", 0),
    "no_items.npy": lambda _: _array("'<f4'", "(0, 1152921504606846976, 1152921504606846976)", 0),
    "negative.npy": lambda _: _array("'<f4'", "(-1, 3)"),
    "record.npy": lambda _: _array("[('x', '<f4'), ('y', '|O')]"),
    "deep_record.npy": lambda _: _array("[('x', " * 60 + "'<f4'" + ")]" * 60),
    "nested_shape.npy": lambda _: _array("'<f4'", "((1,), 3)"),
    "object.npy": lambda c: _array("'|O'", "(1,)", 0) + pickle.dumps([Runs(c)]),
    "code.npy": lambda c: _array(expression(c)),
    "version_9.npy": lambda _: b"\x93NUMPY\x09\0" + b"\xff" * 60,
    "long_header.npy": lambda _: b"\x93NUMPY\2\0" + struct.pack("<L", 0xFFFFFFF0) + b"{" * 4000,
    "deep_header.npy": lambda _: _npy("(" * 5000 + ")" * 5000),
    "encrypted.npz": lambda _: _encrypted(),
    "other_method.npz": lambda _: _other_method(),
    "lzma.npz": lambda _: _zipped("x.npy", _array("'<f4'"), zipfile.ZIP_LZMA),
    "bzip2.npz": lambda _: _zipped("x.npy", _array("'<f4'"), zipfile.ZIP_BZIP2),
    "name_above.npz": lambda _: _zipped("../../x.npy", _array("'<f4'")),
    "pickle_inside.npz": lambda c: _zipped("x.npy", pickled(c)),
    "nothing_inside.npz": lambda _: _zipped("x.txt", b""),
    "two_names.npz": lambda c: _zipped("x.npy", _array("'<f4'")) + _zipped("x.npy", pickled(c)),
    "text_bomb.png": lambda _: _text_bomb(),
    "palette_missing.png": lambda _: _png(_chunk(b"IDAT", b"x\x9cc\0\0\0\1\0\1"), color=3),
    "strange_depth.png": lambda _: _png(_chunk(b"IDAT", b"x\x9cc\0\0\0\1\0\1"), depth=99),
    "no_pixels.png": lambda _: _png(_chunk(b"IDAT", b""), width=0),
    "frames.png": lambda _: _png(_chunk(b"acTL", struct.pack(">2L", 1 << 31, 0)), _chunk(b"fcTL", b"\xff" * 26)),
    "short_chunk.png": lambda _: b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + b"IHDR" + b"\0" * 4,
    "jpeg_cut.jpg": lambda _: b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08\xff\xff\xff\xff\3",
    "exif.jpg": lambda _: b"\xff\xd8\xff\xe1\xff\xff" + b"Exif\0\0MM\0*" + b"\xff" * 64,
    "webp_cut.webp": lambda _: b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff/" + b"\xff" * 32,
    "ghostscript.jpeg": lambda c: f"%!PS-Adobe-3.0 EPSF-3.0\n({c}) (w) file closefile\n".encode(),
    "svg.png": lambda c: f'<svg xmlns:x="http://www.w3.org/1999/xlink"><image x:href="file://{c}"/></svg>'.encode(),
}


def _calibrated(base: Path, name: str, path: Path, canary: Path) -> None:
    shutil.copyfile(base, path)
    folder = path.with_name("calibration_data")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / name).write_bytes(CALIBRATION[name](canary))


def _calibrated_by_link(base: Path, kind: str, path: Path, canary: Path) -> None:
    shutil.copyfile(base, path)
    folder = path.with_name("calibration_data")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if kind == "loops":
        for name in "abcdefgh":
            (folder / name).symlink_to(".")
    elif kind == "pipe":
        os.mkfifo(folder / "x.npy")
    elif kind == "device":
        (folder / "x.npy").symlink_to("/dev/zero")
    else:
        (folder / "x.npy").symlink_to(_secret(path))


def _secret(path: Path) -> Path:
    """A file of the person outside of the project."""
    secret = path.parent.parent / "secret"
    secret.write_text(_SECRET, encoding="utf-8")
    return secret


def _weights(base: Path, data: Callable[[Path], bytes] | str, path: Path, canary: Path) -> None:
    """A program that needs external weights, with others beside it; a text: a link to that file."""
    shutil.copyfile(base, path)
    beside = path.with_suffix(".ptd")
    beside.unlink(missing_ok=True)
    if isinstance(data, str):
        target = _secret(path) if data == "secret" else Path(data)
        beside.symlink_to(target)
    else:
        beside.write_bytes(data(canary))


def _flat(**lies: int) -> bytes:
    """The header of external weights, without anything behind it."""
    fields = {"length": 40, "offset": 48, "size": 64, "base": 128, "bytes": 64, **lies}
    head = struct.pack("<L4s4sL4Q", 48, b"FT01", b"FH01", *(value & (1 << 64) - 1 for value in fields.values()))
    return head + b"\0" * 200


PTD: dict[str, Callable[[Path], bytes] | str] = {
    "empty": lambda _: b"",
    "text": lambda c: expression(c).encode(),
    "pickle": pickled,
    "header_only": lambda _: _flat(),
    "far_table": lambda _: _flat(offset=1 << 62),
    "negative_table": lambda _: _flat(offset=-8),
    "far_segments": lambda _: _flat(base=1 << 62, bytes=1 << 62),
    "sizes_that_wrap": lambda _: _flat(base=-64, bytes=128),
    "table_of_ones": lambda _: _flat()[:48] + b"\xff" * 300,
    "link_to_a_secret": "secret",
    "link_to_zeros": "/dev/zero",
    "link_to_itself": "/proc/self/fd/0",
}


def _shard(change: Callable[[Path, Path], None], path: Path, canary: Path) -> None:
    path.write_bytes(_safetensors({"a": _tensor()}))
    change(path, canary)


def _second(path: Path) -> Path:
    return path.with_name(path.name.replace("00001", "00002"))


def _index(path: Path, canary: Path) -> None:
    """What transformers reads: an index that names files elsewhere."""
    weights = {"a": "../../../../etc/passwd", "b": str(canary), "c": "\\\\host\\share", "d": "http://127.0.0.1:9/x"}
    path.with_name("model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}), encoding="utf-8")
    path.with_name("model-00002-of-00002.safetensors").write_bytes(_safetensors({"b": _tensor()}))


def _index_of_free_names(path: Path, canary: Path) -> None:
    """The index alone says which files belong together."""
    _index(path, canary)
    index = path.with_name("model.safetensors.index.json")
    weights = {**json.loads(index.read_text(encoding="utf-8"))["weight_map"], "e": path.name}
    path.with_name("free.index.json").write_text(json.dumps({"weight_map": weights}), encoding="utf-8")


def _link(target: str, path: Path, _: Path) -> None:
    second = _second(path)
    second.unlink(missing_ok=True)
    second.symlink_to(_secret(path) if target == "secret" else target)


def _other_kind(path: Path, canary: Path) -> None:
    _second(path).write_bytes(_zipped("m/data.pkl", pickled(canary)))


SHARDS: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "index_leads_out": ("model-00001-of-00002.safetensors", _index),
    "index_of_free_names": ("free.safetensors", _index_of_free_names),
    "link_to_a_secret": ("linked-00001-of-00002.safetensors", partial(_link, "secret")),
    "link_to_a_device": ("device-00001-of-00002.safetensors", partial(_link, "/dev/zero")),
    "link_to_itself": ("circle-00001-of-00002.safetensors", partial(_link, "circle-00002-of-00002.safetensors")),
    "many": ("many-00001-of-99999.safetensors", lambda path, _: None),
    "none": ("none-00001-of-00000.safetensors", lambda path, _: None),
    "other_kind": ("kinds-00001-of-00002.safetensors", _other_kind),
}


def _factory(text: str, path: Path, canary: Path) -> None:
    """Weights, and a Python file that is named in a way that leads elsewhere."""
    path.write_bytes(_safetensors({"weight": _tensor(), "bias": _tensor(data_offsets=[4, 8])}, b"\0" * 8))
    outside = path.parent.parent / "outside.py"
    outside.write_text(f"import os\nos.mkdir({str(canary)!r})\n", encoding="utf-8")
    link = path.with_name("linked.py")
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    path.with_name("named.py").write_text(outside.read_text(encoding="utf-8"), encoding="utf-8")


# Import options, as a `.import` file may hold them: none of these may run a file.
OPTIONS: dict[str, dict[str, Any]] = {
    "factory_above": {"factory": "res://../outside.py:build"},
    "factory_above_by_parts": {"factory": "res://a/../../outside.py"},
    "factory_link": {"factory": "res://linked.py:build"},
    "factory_absolute": {"factory": "/tmp/outside.py:build"},
    "factory_of_python": {"factory": "os:mkdir"},
    "factory_folder": {"factory": "res://:build"},
    "factory_zero": {"factory": "res://named.py\0.txt"},
    "factory_other_scheme": {"factory": "user://outside.py:build"},
    "factory_web": {"factory": "http://127.0.0.1:9/x.py:build"},
    "arguments_deep": {"factory_arguments": "[" * 100_000},
    "arguments_list": {"factory_arguments": "[1]"},
    "arguments_large": {"factory_arguments": '{"a": ' + "9" * 10_000 + "}"},
    "calibration_above": {"calibration": "res://.."},
    "calibration_system": {"calibration": "/etc"},
    "weights_code": {"weights": "__import__('os').system('id')"},
    "inputs_code": {"inputs": "x: float32[__import__('os').getpid()]"},
    "inputs_large": {"inputs": "x: float32[999999999999,999999999999]"},
    "inputs_many": {"inputs": "float32[1];" * 50_000},
    "recipe_path": {"recipe": "../../portable"},
    "tolerance_large": {"max_absolute_error": "1e400"},
    "deadline_negative": {"deadline_seconds": -1},
    "memory_negative": {"memory_limit_megabytes": -5},
    "group_size_large": {"group_size": 1 << 40},
}

# Names that a message or a command could take for something else.
NAMES: dict[str, str] = {
    "escape": "\x1b[2J\x1b]0;x\x07.pt",
    "new_line": "net\nconverted.pt",
    "turned": "net\u202etp.exe.pt",
    "option": "--help.pt",
    "shell": "$(touch x);`id`.pt",
    "percent": "%s%n{0}.pt",
    "not_utf8": os.fsdecode(b"net\xff\xfe.pt"),
    "spaces": "   .pt",
    "long": "x" * 240 + ".pt",
    "longest": "x" * 252 + ".pt",
    "dots_inside": "a..b.pt",
    "dots_in_front": "..pt",
    "dots": "....pt",
    "backslash": "a\\..\\..\\b.pt",
    "colon": "C:net.pt",
    "home": "~root.pt",
    "res": "res:net.pt",
    "right_to_left": "\u202e\u202d\u2066.pt",
    "other_dots": "\u2024\u2024\u2215net.pt",
}

# Statements of a TorchScript module that cost time, memory or output when the module is loaded or run.
SCRIPTS: dict[str, str] = {
    "endless": "x\n    for i in range(9223372036854775807):\n      z = torch.add(x, 1)",
    "memory": "torch.zeros([1000000000000])",
    "memory_slowly": "[x]\n    for i in range(100000000):\n      y.append(torch.zeros([1000000]))",
    "output": "x\n    for i in range(2000000):\n      print('x' * 1000)",
    "deep": "(" * 100_000 + "x" + ")" * 100_000,
    "deep_list": "[" * 50_000 + "x" + "]" * 50_000,
    "long_text": "len('" + "a" * 3_000_000 + "')",
    "escape_in_text": "len('\\x1b[2J')",
    "tuples_doubling": "x\n    t0 = x\n" + "".join(f"    t{i} = (t{i - 1}, t{i - 1})\n" for i in range(1, 40)),
    "nested_lists": "torch.jit.annotate(" + "List[" * 20_000 + "int" + "]" * 20_000 + ", [])",
    "lists_doubling": "x\n    l = ['x']\n    for i in range(60):\n      l.extend(l)",
    "text_doubling": "x\n    s = 'x'\n    for i in range(60):\n      s = s + s",
    "format": "x\n    s = '{}'.format(x)\n    print('%999999999d' % 1)",
}


def files(models: Path) -> Iterator[Hostile]:
    convnet, needs_weights = models / "convnet.pt2", models / "external_weights.pte"
    calibrated = {**_SECONDS, "recipe": "xnnpack_int8_static", "calibration": "res://calibration_data"}
    for name in CALIBRATION:
        yield Hostile(f"calibration_{name}", ".pt2", partial(_calibrated, convnet, name), calibrated)
    for kind in ("loops", "pipe", "device", "secret"):
        yield Hostile(f"calibration_link_{kind}", ".pt2", partial(_calibrated_by_link, convnet, kind), calibrated)
    for name, data in PTD.items():
        yield Hostile(f"weights_{name}", ".pte", partial(_weights, needs_weights, data), _SECONDS)
    for name, (file_name, change) in SHARDS.items():
        yield Hostile(f"shard_{name}", ".safetensors", partial(_shard, change), {}, file_name=file_name)
    for name, options in OPTIONS.items():
        yield Hostile(f"option_{name}", ".safetensors", partial(_factory, name), {**_SECONDS, **options})
    for name, file_name in NAMES.items():
        make = lambda path, canary: path.write_bytes(pickled(canary))  # noqa: E731
        yield Hostile(f"name_{name}", ".pt", make, {}, file_name=file_name)
    for index, (name, statement) in enumerate(SCRIPTS.items()):
        where = ("forward", "setstate")[index % 2]

        def script(statement: str, where: str, path: Path, canary: Path) -> None:
            path.write_bytes(archive(statement, where, canary))

        yield Hostile(
            f"script_{where}_{name}", ".pt", partial(script, statement, where), {**_SECONDS, "inputs": "x: float32[1]"}
        )
